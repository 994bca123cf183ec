/**
 * Captions over the picture.
 *
 * Eyes get every word as it is recognised. Ears get whole sentences: a screen reader that was told
 * of each change of a line would never come to an end, so it has a live region of its own.
 */

import { Captions } from "../model/captions.js";
import { h, update } from "./dom.js";

/** How many sentences a screen reader may have before it. */
const SPOKEN = 4;

export class Overlay {
  #roster;
  #captions = new Captions();
  #lines = new Map();
  #timer;
  #shown = true;

  constructor(roster) {
    this.#roster = roster;
    this.box = h("div", { class: "captions", "aria-hidden": "true", hidden: true });
    this.spoken = h("div", {
      class: "unseen", role: "log", "aria-live": "polite", "aria-label": "Captions",
    });
    this.element = h("div", { class: "captions-place" }, this.box, this.spoken);
  }

  /** Take in a caption. */
  add(caption) {
    if (!this.#shown) return;
    this.#captions.show(caption, performance.now());
    if (caption.final) this.#say(caption);
    this.#draw();
  }

  /** Show captions or not. */
  set shown(shown) {
    this.#shown = shown;
    update(this.element, { hidden: !shown });
    if (shown) return;
    this.#captions.clear();
    this.#draw();
  }

  close() {
    clearTimeout(this.#timer);
  }

  #draw() {
    const now = performance.now();
    const lines = this.#captions.visible(now);
    const ids = new Set(lines.map(({ id }) => id));
    for (const [id, line] of this.#lines) {
      if (ids.has(id)) continue;
      line.element.remove();
      this.#lines.delete(id);
    }
    for (const line of lines) this.#drawLine(line);
    update(this.box, { hidden: !lines.length });
    clearTimeout(this.#timer);
    if (lines.length) this.#timer = setTimeout(() => this.#draw(), this.#captions.changes - now + 1);
  }

  #drawLine({ id, participant_id, name, text, language, final }) {
    let line = this.#lines.get(id);
    if (!line) {
      const words = h("span", { class: "caption-words", dir: "auto" });
      const who = h("span", { class: "caption-name" }, name);
      const colour = this.#roster.colour(participant_id);
      line = { words, element: h("p", { class: `caption speaker-${colour}` }, who, words) };
      this.#lines.set(id, line);
      this.box.append(line.element);
    }
    if (line.words.textContent !== text) line.words.textContent = text;
    update(line.words, { lang: language });
    line.element.classList.toggle("final", final);
    line.words.scrollTop = line.words.scrollHeight;
  }

  #say({ name, text, language }) {
    this.spoken.append(h("p", { lang: language }, `${name}: ${text}`));
    while (this.spoken.children.length > SPOKEN) this.spoken.firstChild.remove();
  }
}
