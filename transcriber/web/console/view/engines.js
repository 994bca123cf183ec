/** Engines that hear and speak, and how each is; what the GPU service says of itself. */

import { h } from "../../page/view/dom.js";
import { health } from "../state.js";
import { action, badge, counted, fact, headed, panel, row, table } from "./pieces.js";

/** Languages that are named; more are counted. */
const NAMED = 8;

/** How long a GPU that sleeps may take to wake. */
const PATIENCE = 130_000;

export class Engines {
  #api;
  #state;
  #gpu = h("div", { class: "facts" });
  #engines = h("div", { class: "stack" });

  constructor({ api, state, attempt }) {
    this.#api = api;
    this.#state = state;
    const look = action("Ask it", attempt, () => this.#look());
    this.element = h("div", { class: "stack" }, this.#engines);
    if (state.overview.gpu) {
      this.element.append(headed("GPU service", look, h("p", { class: "soft" }, "One that sleeps is woken by the question."), this.#gpu));
    }
    this.show("state");
  }

  show(what) {
    if (what !== "state") return;
    const { engine, recognisers, voices } = this.#state.state;
    this.#engines.replaceChildren(
      panel("Recognisers", h("p", { class: "soft" }, "In use: ", h("code", {}, engine || "–")),
        table(["Name", "State", "Languages"], sorted(recognisers, engine).map(line))),
      panel("Voices", table(["Name", "State", "Languages"], voices.map(line))),
    );
  }

  async #look() {
    const seen = await this.#api.ask("/console/gpu", { deadline: PATIENCE });
    this.#gpu.replaceChildren(...(seen.slots ? facts(seen) : [fact("State", "Loading its model", `for ${Math.round(seen.up)} s`, "warn")]));
  }
}

/** What it says, as far as it matters to who pays for it and waits for it. */
function facts({ slots, used, active, step, step_slowest, backlog, cost, up, streams, rejected, audio, words }) {
  const late = backlog > 0.5 || step_slowest > 0.08;
  return [
    fact("Slots", `${used} of ${slots}`, `${active} heard in the last step`, used < slots ? "" : "warn"),
    fact("Step", ms(step), `slowest of a hundred: ${ms(step_slowest)}; 80 ms are real time`, late ? "bad" : "good"),
    fact("Backlog", `${backlog.toFixed(2)} s`, "audio of the stream furthest behind", late ? "bad" : "good"),
    fact("Cost", cost.toFixed(2), `in ${(up / 3600).toFixed(1)} h, at the price it was told`),
    fact("Heard", `${(audio / 3600).toFixed(1)} h`, `${words} words in ${counted(streams, "stream")}, ${rejected} refused`),
  ];
}

function ms(seconds) {
  return `${(seconds * 1000).toFixed(1)} ms`;
}

/** Those in use first, then those that could be. */
function sorted(engines, policy) {
  const used = new Set(policy.split(/[^\w-]+/));
  const place = (engine) => (used.has(engine.name) ? 0 : engine.usable ? 1 : 2);
  return [...engines].sort((one, other) => place(one) - place(other) || one.name.localeCompare(other.name));
}

function line(engine) {
  const [words, kind] = health(engine);
  const state = kind === "off" ? h("span", { class: "soft" }, words) : badge(words, kind);
  return row(h("strong", {}, engine.name), state, spoken(engine.languages ?? []));
}

function spoken(languages) {
  if (languages.includes("*")) return "any";
  const rest = languages.length - NAMED;
  return languages.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
