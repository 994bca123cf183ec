/** Every room that is attended: who is there, how loud, and what they say. */

import { ofSpeaker } from "../../page/model/level.js";
import { h, update } from "../../page/view/dom.js";
import { clock } from "../state.js";
import { badge, nothing } from "./pieces.js";

export class Rooms {
  #state;
  #cards = new Map();

  constructor({ state }) {
    this.#state = state;
    this.element = h("div", { class: "rooms" });
    this.show("rooms");
  }

  show(what) {
    if (what !== "rooms") return;
    const { rooms } = this.#state;
    for (const [name, card] of this.#cards) {
      if (rooms.has(name)) continue;
      card.element.remove();
      this.#cards.delete(name);
    }
    for (const room of rooms.values()) this.#card(room).show(room);
    const empty = this.element.querySelector(".nothing");
    if (rooms.size) empty?.remove();
    else if (!empty) this.element.append(nothing("No room is attended right now."));
  }

  #card({ room }) {
    if (!this.#cards.has(room)) {
      const card = new Card(room);
      this.#cards.set(room, card);
      this.element.append(card.element);
    }
    return this.#cards.get(room);
  }
}

class Card {
  #parts;

  constructor(name) {
    this.#parts = { about: h("p", { class: "soft" }), people: h("ul", { class: "people" }), said: h("ol", { class: "said" }) };
    const { about, people, said } = this.#parts;
    this.element = h("article", { class: "panel" }, h("h2", {}, name), about, people, said);
  }

  show({ protocol, since, people, said, wrong, dialog }) {
    const about = [protocol && badge(protocol), since && ` since ${clock(since)}, ${people.length} people `];
    if (dialog) about.push(badge(`${dialog.name}: ${dialog.state}`, "good"), " ");
    if (wrong.length) about.push(badge(`${wrong.at(-1).code}: ${wrong.at(-1).message}`, "bad"));
    this.#parts.about.replaceChildren(...about.filter(Boolean));
    this.#parts.people.replaceChildren(...people.map(person));
    this.#parts.said.replaceChildren(...said.map(({ name, text, language }) =>
      h("li", {}, h("strong", {}, name), h("span", { lang: language, dir: "auto" }, ` ${text}`))));
    update(this.#parts.said, { hidden: !said.length });
  }
}

function person({ id, name, speaking, level, text, final, sentences }) {
  const meter = h("meter", { min: 0, max: 1, value: ofSpeaker(level === 127 ? undefined : -level), "aria-label": "Level" });
  return h("li", { class: speaking ? "speaking" : "" },
    h("span", { class: "who" }, name || id), meter,
    h("span", { class: final ? "soft words" : "words", dir: "auto" }, text || (sentences ? "" : "has not spoken")));
}
