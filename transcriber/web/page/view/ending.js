/** Behind the door: why it is over, the way back, and the transcript to take along. */

import { h } from "./dom.js";

export class Ending {
  /** `again` leads back in; `pane` is the transcript, shown where anything was said. */
  constructor({ problem, pane, again }) {
    const { title, remedy } = problem;
    const back = h("button", { type: "button", class: "primary", onclick: again }, "Come back in");
    const other = h("a", { class: "button", href: "/" }, "Open another room");
    this.element = h(
      "main",
      { class: "ending" },
      h("div", { class: "ending-card" }, h("h1", { tabindex: -1 }, title), remedy && h("p", { class: "lead" }, remedy),
        h("div", { class: "ending-buttons" }, back, other)),
      pane.filled && pane.element,
    );
    pane.end();
  }

  focus() {
    this.element.querySelector("h1").focus();
  }

  close() {
    this.element.remove();
  }
}
