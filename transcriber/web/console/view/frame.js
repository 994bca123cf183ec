/** The frame: what there is to see, and the part that is being looked at. */

import { h, icon, update } from "../../page/view/dom.js";
import { notice } from "../../page/view/notice.js";
import { Refused } from "../api.js";
import { ago } from "../state.js";
import { Dialog, Dialogs } from "./dialogs.js";
import { Engines } from "./engines.js";
import { Log } from "./log.js";
import { Overview } from "./overview.js";
import { Rooms } from "./rooms.js";
import { Settings } from "./settings.js";
import { Transcript, Transcripts } from "./transcripts.js";
import { Webhook } from "./webhook.js";
import { Webhooks } from "./webhooks.js";

/** `[address, title, icon, all of it, one of it]`. */
const PARTS = [
  ["overview", "Overview", "pulse", Overview],
  ["rooms", "Rooms", "people", Rooms],
  ["transcripts", "Transcripts", "captions", Transcripts, Transcript],
  ["engines", "Engines", "mic", Engines],
  ["webhooks", "Webhooks", "link", Webhooks, Webhook],
  ["dialogs", "Dialogs", "flow", Dialogs, Dialog],
  ["settings", "Settings", "settings", Settings],
  ["log", "Log", "transcript", Log],
];

export class Frame {
  #context;
  #parts = {};
  #links = new Map();
  #current;
  #leaving = new AbortController();

  constructor({ api, state, leave }) {
    this.#context = { api, state, attempt: (work) => this.#attempt(work) };
    this.element = this.#draw(leave);
    addEventListener("hashchange", () => this.#open(), { signal: this.#leaving.signal });
    const ticking = setInterval(() => this.#showHead(), 1000);
    this.#leaving.signal.addEventListener("abort", () => clearInterval(ticking));
    this.#open();
  }

  close() {
    this.#leaving.abort();
    this.#current.close?.();
    this.element.remove();
  }

  /** Something has changed: `rooms`, `state`, `log` or `connection`. */
  show(what) {
    this.#showHead();
    this.#current.show?.(what);
  }

  #draw(leave) {
    const parts = this.#parts;
    const links = PARTS.map(([name, title, picture]) => {
      const link = h("a", { href: `#${name}` }, icon(picture), h("span", {}, title));
      this.#links.set(name, link);
      return link;
    });
    parts.state = h("p", { class: "state", role: "status" });
    parts.problem = h("div", { class: "problem", role: "alert" });
    parts.main = h("main", { class: "content", tabindex: -1 });
    return h(
      "div",
      { class: "frame" },
      h("header", { class: "side" },
        h("p", { class: "title" }, h("span", { class: "mark" }, icon("captions")), "Console"),
        h("nav", { "aria-label": "Parts" }, links),
        h("div", { class: "foot" }, parts.state, h("button", { type: "button", class: "quiet", onclick: leave }, "Sign out"))),
      parts.main,
    );
  }

  /** The address is the state: `#rooms` is a part, `#webhooks/whk_1` one thing of it. */
  #open() {
    const [name, id] = location.hash.slice(1).split("/").map(decodeURIComponent);
    const [key, title, , All, One] = PARTS.find(([one]) => one === name) ?? PARTS[0];
    for (const [one, link] of this.#links) update(link, { "aria-current": one === key ? "page" : undefined });
    this.#links.get(key).scrollIntoView({ block: "nearest", inline: "center" });
    this.#current?.close?.();
    this.#parts.problem.replaceChildren();
    this.#current = id && One ? new One(this.#context, id) : new All(this.#context);
    document.title = `${title} – Console`;
    this.#parts.main.replaceChildren(h("h1", {}, title), this.#parts.problem, this.#current.element);
    this.#showHead();
  }

  /** Do something that the server may refuse, and tell it if it does. */
  async #attempt(work) {
    this.#parts.problem.replaceChildren();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#parts.problem.replaceChildren(notice({ title: error.message, remedy: "" }));
      return undefined;
    }
  }

  #showHead() {
    const { connected, overview, state } = this.#context.state;
    const kind = !connected ? "bad" : state.unready ? "warn" : "good";
    const words = !connected ? "No connection, trying again" : state.unready ? "Not ready" : "Ready";
    update(this.#parts.state, { class: `state ${kind}` });
    const age = overview.started_at ? `, up ${ago(overview.started_at, new Date())}` : "";
    const text = `${words}${connected ? age : ""}`;
    if (this.#parts.state.textContent !== text) this.#parts.state.textContent = text;
  }
}
