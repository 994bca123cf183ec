/** How the service is, in one look, and the self-test. */

import { h, icon, update } from "../../page/view/dom.js";
import { ago, health } from "../state.js";
import { fact, panel } from "./pieces.js";

const SIGNS = { passed: ["check", "good"], failed: ["close", "bad"], skipped: ["down", "idle"] };

export class Overview {
  #api;
  #state;
  #parts = {};

  constructor({ api, state }) {
    this.#api = api;
    this.#state = state;
    const parts = this.#parts;
    parts.facts = h("div", { class: "facts" });
    parts.wrong = h("ul", { class: "plain" });
    parts.steps = h("ol", { class: "steps", "aria-live": "polite" });
    parts.test = h("button", { type: "button", class: "primary", onclick: () => this.#test() }, "Run the self-test");
    this.element = h("div", { class: "stack" }, parts.facts,
      panel("Self-test", h("p", { class: "soft" }, "Sends a sentence through the running service, from sound to words."), parts.test, parts.steps),
      panel("What went wrong lately", parts.wrong));
    this.show("state");
  }

  show(what) {
    if (what === "log") return;
    const { rooms, people, state, overview } = this.#state;
    const speaking = people.filter((person) => person.speaking).length;
    const down = state.recognisers.filter((engine) => health(engine)[1] === "bad").length;
    this.#parts.facts.replaceChildren(
      fact("State", state.unready ? "Not ready" : "Ready", state.unready, state.unready ? "warn" : "good"),
      fact("Rooms", rooms.size, `${people.length} people, ${speaking} speaking`),
      fact("Recogniser", state.engine || "–", down ? `${down} engine down` : "all engines in use work", down ? "bad" : ""),
      fact("Version", overview.version, overview.started_at && `up ${ago(overview.started_at, new Date())}`),
    );
    const wrong = [...rooms.values()].flatMap((room) => room.wrong.map((one) => ({ room, ...one })));
    const rows = wrong.map(({ room, code, message, at }) =>
      h("li", {}, h("strong", {}, code), ` in ${room.room}: ${message} `, h("span", { class: "soft" }, `${ago(at, new Date())} ago`)));
    this.#parts.wrong.replaceChildren(...(rows.length ? rows : [h("li", { class: "soft" }, "Nothing in the calls that are running.")]));
  }

  async #test() {
    const { steps, test } = this.#parts;
    update(test, { disabled: true, "aria-busy": true });
    steps.replaceChildren();
    try {
      await this.#api.read("/console/self-test", ({ data }) => steps.append(step(data)), { method: "POST" });
    } catch (error) {
      steps.append(step({ what: "Self-test", state: "failed", detail: error.message, seconds: 0 }));
    } finally {
      update(test, { disabled: false, "aria-busy": false });
    }
  }
}

function step({ what, state, detail, seconds }) {
  const [picture, kind] = SIGNS[state];
  return h("li", { class: kind }, icon(picture),
    h("div", {}, h("strong", {}, `${what} ${state}`), h("span", { class: "soft" }, ` ${seconds.toFixed(1)} s`), h("p", {}, detail)));
}
