/** Engines that hear and speak, and how each is. */

import { h } from "../../page/view/dom.js";
import { health } from "../state.js";
import { badge, panel, row, table } from "./pieces.js";

/** Languages that are named; more are counted. */
const NAMED = 8;

export class Engines {
  #state;

  constructor({ state }) {
    this.#state = state;
    this.element = h("div", { class: "stack" });
    this.show("state");
  }

  show(what) {
    if (what !== "state") return;
    const { engine, recognisers, voices } = this.#state.state;
    this.element.replaceChildren(
      panel("Recognisers", h("p", { class: "soft" }, "In use: ", h("code", {}, engine || "–")),
        table(["Name", "State", "Languages"], sorted(recognisers, engine).map(line))),
      panel("Voices", table(["Name", "State", "Languages"], voices.map(line))),
    );
  }
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
