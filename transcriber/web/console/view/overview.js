/** How the service is, in one look, and the self-test. */

import { h, icon, update } from "../../page/view/dom.js";
import { ago, health } from "../state.js";
import { counted, fact, panel } from "./pieces.js";

/** How long the self-test may take: a recogniser on a GPU that sleeps needs two minutes to wake. */
const PATIENCE = 170_000;

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
      fact("Rooms", rooms.size, `${counted(people.length, "person", "people")}, ${speaking} speaking`),
      fact("Recogniser", state.engine || "–", down ? `${counted(down, "engine")} down` : "all engines in use work", down ? "bad" : ""),
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
    steps.replaceChildren(h("li", { class: "idle" }, "A sentence is on its way …"));
    try {
      const report = await this.#api.ask("/self-test", { method: "POST", deadline: PATIENCE });
      steps.replaceChildren(...report.steps.map(step));
    } catch (error) {
      steps.replaceChildren(step({ name: "self-test", ok: false, ms: 0, detail: error.message }));
    } finally {
      update(test, { disabled: false, "aria-busy": false });
    }
  }
}

function step({ name, ok, ms, detail }) {
  return h("li", { class: ok ? "good" : "bad" }, icon(ok ? "check" : "close"),
    h("div", {}, h("strong", {}, `${name} ${ok ? "passed" : "failed"}`), h("span", { class: "soft" }, ` ${(ms / 1000).toFixed(1)} s`), h("p", {}, detail)));
}
