/** Flows, what is wrong with them, and the conversations that follow them. */

import { h } from "../../page/view/dom.js";
import { Listing } from "./listing.js";
import { action, badge, counted, nothing, panel, row, table, when } from "./pieces.js";

export class Dialogs {
  #context;
  #flows = h("div", { class: "stack" });

  constructor(context) {
    this.#context = context;
    this.element = h("div", { class: "stack" }, this.#flows, panel("Conversations", conversations(context).element));
    context.attempt(() => this.#load());
  }

  async #load() {
    const { items, broken } = await this.#context.api.ask("/dialogs");
    const rows = items.map(flow);
    const wrong = broken.map(({ file, problems }) => panel(`${file} cannot be used`, faults(problems)));
    this.#flows.replaceChildren(...wrong,
      rows.length ? panel("Flows", table(["Flow", "States", "Language", "Looks"], rows)) : nothing("There are no flows in the folder of dialogs."));
  }
}

/** One flow: its picture, and where conversations are in it at this moment. */
export class Dialog {
  #context;
  #name;
  #parts = { about: h("div", {}), drawing: h("div", { class: "drawing", tabindex: 0 }) };

  constructor(context, name) {
    this.#context = context;
    this.#name = name;
    const { about, drawing } = this.#parts;
    this.element = h("div", { class: "stack" }, h("a", { href: "#dialogs", class: "back" }, "All dialogs"), about, drawing);
    context.attempt(() => this.#load());
  }

  show(what) {
    if (what !== "rooms") return;
    const states = new Set();
    for (const { dialog } of this.#context.state.rooms.values()) if (dialog?.name === this.#name) states.add(dialog.state);
    for (const group of this.#parts.drawing.querySelectorAll("g:has(> .state)")) {
      group.classList.toggle("here", states.has(group.querySelector("title").textContent));
    }
  }

  async #load() {
    const { api } = this.#context;
    const path = `/dialogs/${encodeURIComponent(this.#name)}`;
    const [{ name, description, file, version, problems }, drawn] = await Promise.all([api.ask(path), api.picture(`${path}/diagram.svg`)]);
    drawn.setAttribute("width", drawn.viewBox.baseVal.width);
    this.#parts.drawing.replaceChildren(drawn);
    this.#parts.about.replaceChildren(panel(name, description && h("p", {}, description),
      h("p", { class: "soft" }, [file, version && `version ${version}`].filter(Boolean).join(", ")), faults(problems)));
    this.show("rooms");
  }
}

function flow({ name, description, states, language, problems }) {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const looks = problems.length ? badge(counted(problems.length, "remark"), errors ? "bad" : "warn") : badge("good", "good");
  return row([h("strong", {}, h("a", { href: `#dialogs/${encodeURIComponent(name)}` }, name)), description ? h("p", { class: "soft" }, description) : ""],
    states.length, language || "any", looks);
}

function faults(problems) {
  const one = ({ severity, line, key, message, hint }) =>
    h("li", {}, badge(severity, severity === "error" ? "bad" : "warn"), ` line ${line}`, key && h("code", {}, ` ${key}`), `: ${message}`, hint && h("p", { class: "soft" }, hint));
  return h("ul", { class: "plain" }, problems.map(one));
}

function conversations(context) {
  const end = (id) => async () => {
    await context.api.ask(`/dialogs/sessions/${id}`, { method: "DELETE" });
    await list.refresh();
  };
  const line = ({ id, dialog, room, state, outcome, history, created_at }) =>
    row([h("strong", {}, h("a", { href: `#dialogs/${encodeURIComponent(dialog)}` }, dialog)), h("p", { class: "soft value" }, room || "in writing")],
      [outcome ? badge(outcome) : badge(state, "good"), steps(history)], when(created_at),
      outcome ? "" : action("End", context.attempt, end(id), { class: "quiet", "aria-label": `End ${dialog} in ${room || "writing"}` }));
  const list = new Listing(context, {
    path: "/dialogs/sessions", names: ["Dialog", "State", "Began", ""], line, empty: "Nobody has talked with a dialog yet.",
  });
  return list;
}

function steps(history) {
  if (!history.length) return "";
  return h("details", {}, h("summary", {}, counted(history.length, "step")),
    h("ol", { class: "plain" }, history.map(({ from_state, to_state, trigger }) => h("li", { class: "soft" }, `${from_state} → ${to_state} (${trigger})`))));
}
