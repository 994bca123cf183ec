/** The log as it is written. */

import { h, update } from "../../page/view/dom.js";

const LEVELS = ["debug", "info", "warning", "error"];
const KNOWN = new Set(["number", "timestamp", "level", "event", "exception", "frames"]);
/** Lines that are shown; the search looks through all that are kept. */
const SHOWN = 300;

export class Log {
  #state;
  #parts = {};
  #lines = new Map();

  constructor({ state }) {
    this.#state = state;
    const parts = this.#parts;
    const show = () => this.show("log");
    parts.query = h("input", { type: "search", placeholder: "Search", "aria-label": "Search in the log", oninput: show });
    parts.level = h("select", { "aria-label": "Level", onchange: show },
      LEVELS.map((level) => h("option", { value: level }, `${level} and above`)));
    parts.level.value = "info";
    parts.follow = h("input", { type: "checkbox", role: "switch", checked: true });
    parts.list = h("ol", { class: "log", tabindex: 0, "aria-label": "Log" });
    this.element = h("div", { class: "stack grow" },
      h("div", { class: "filters" }, parts.query, parts.level, h("label", { class: "switch" }, h("span", {}, "Follow"), parts.follow)),
      parts.list);
    this.show("log");
  }

  show(what) {
    if (what !== "log") return;
    const { query, level, list, follow } = this.#parts;
    const least = LEVELS.indexOf(level.value);
    const wanted = query.value.trim().toLowerCase();
    const fits = (line) =>
      LEVELS.indexOf(line.level) >= least && (!wanted || JSON.stringify(line).toLowerCase().includes(wanted));
    const lines = this.#state.log.filter(fits).slice(-SHOWN);
    const kept = new Set(lines);
    for (const line of this.#lines.keys()) if (!kept.has(line)) this.#lines.delete(line);
    for (const line of lines) if (!this.#lines.has(line)) this.#lines.set(line, drawn(line));
    list.replaceChildren(...lines.map((line) => this.#lines.get(line)));
    if (follow.checked) list.scrollTop = list.scrollHeight;
    update(list, { "data-empty": lines.length ? undefined : "Nothing of this kind has been logged." });
  }
}

function drawn(line) {
  const { timestamp, level, event, exception, frames } = line;
  const keys = Object.entries(line).filter(([key]) => !KNOWN.has(key));
  const details = keys.map(([key, value]) => h("span", { class: "pair" }, h("span", { class: "soft" }, `${key}=`), text(value)));
  return h("li", { class: level },
    h("time", { class: "soft" }, (timestamp ?? "").slice(11, 23)), h("span", { class: "level-name" }, level), h("strong", {}, event), ...details,
    exception && h("details", {}, h("summary", {}, exception), h("pre", {}, (frames ?? []).join("\n"))));
}

function text(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
