/** One room: who is there, how loud, and what they say. */

import { ofSpeaker } from "../../page/model/level.js";
import { h, update } from "../../page/view/dom.js";
import { clock } from "../state.js";
import { badge, counted } from "./pieces.js";

const QUIET = { protocol: "", since: "", people: [], said: [], wrong: [], dialog: undefined };

export class Card {
  #room;
  #own;
  #parts;
  #about = "";

  /** `invite` and `end` are for rooms of our own, and get what the server says of them. */
  constructor(room, { invite, end }) {
    this.#room = room;
    const buttons = h("div", { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => invite(this.#own) }, "Invite"),
      h("button", { type: "button", class: "quiet", onclick: () => end(this.#own) }, "Close"));
    this.#parts = {
      title: h("h2", {}), buttons, about: h("p", { class: "soft" }), people: h("ul", { class: "people" }), said: h("ol", { class: "said" }),
    };
    const { title, about, people, said } = this.#parts;
    this.element = h("article", { class: "panel" }, h("header", { class: "panel-head" }, title, buttons), about, people, said);
  }

  /** Show a room as it is attended, or as the server knows it, or both. */
  show(live = QUIET, own = undefined) {
    this.#own = own;
    const { title, buttons, people, said } = this.#parts;
    title.textContent = own ? own.name || "Room without a name" : this.#room;
    update(buttons, { hidden: !own });
    this.#showAbout(live);
    people.replaceChildren(...live.people.map(person));
    said.replaceChildren(...live.said.map(({ name, text, language }) =>
      h("li", {}, h("strong", {}, name), h("span", { lang: language, dir: "auto" }, ` ${text}`))));
    update(said, { hidden: !live.said.length });
  }

  /** Only where it changes: a link that is replaced while somebody presses on it leads nowhere. */
  #showAbout({ protocol, since, people, wrong, dialog }) {
    const shown = JSON.stringify([protocol, since, people.length, wrong.at(-1), dialog]);
    if (shown === this.#about) return;
    this.#about = shown;
    const about = [protocol && badge(protocol), since ? ` since ${clock(since)}, ${counted(people.length, "person", "people")} ` : "Nobody is there."];
    if (dialog) about.push(h("a", { href: `#dialogs/${encodeURIComponent(dialog.name)}` }, badge(`${dialog.name}: ${dialog.state}`, "good")), " ");
    if (wrong.length) about.push(badge(`${wrong.at(-1).code}: ${wrong.at(-1).message}`, "bad"));
    this.#parts.about.replaceChildren(...about.filter(Boolean));
  }
}

function person({ id, name, speaking, level, text, final, sentences }) {
  const meter = h("meter", { min: 0, max: 1, value: ofSpeaker(level === 127 ? undefined : -level), "aria-label": "Level" });
  return h("li", { class: speaking ? "speaking" : "" },
    h("span", { class: "who" }, name || id), meter,
    h("span", { class: final ? "soft words" : "words", dir: "auto" }, text || (sentences ? "" : "has not spoken")));
}
