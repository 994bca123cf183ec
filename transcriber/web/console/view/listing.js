/** A list of the server as a table, page after page. */

import { h, update } from "../../page/view/dom.js";
import { named, nothing, table } from "./pieces.js";

export class Listing {
  #context;
  #options;
  #cursor;
  #asked;
  #parts = {};

  /** `line` makes a row of an item, `names` are the columns, `empty` stands where nothing is. */
  constructor(context, options) {
    this.#context = context;
    this.#options = options;
    this.#parts.more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#load() }, "Show more");
    this.#parts.table = table(options.names, []);
    this.#parts.rows = this.#parts.table.querySelector("tbody");
    this.#parts.empty = nothing(options.empty);
    this.element = h("div", { class: "listing" }, this.#parts.table, this.#parts.empty, this.#parts.more);
    this.refresh();
  }

  /** Look again, from the beginning. */
  refresh() {
    this.#cursor = undefined;
    return this.#load();
  }

  async #load() {
    const { path, line, names } = this.#options;
    const { rows, more, table: whole, empty } = this.#parts;
    const first = this.#cursor === undefined;
    const asked = (this.#asked = {}); // whoever asks twice gets the last answer, once
    await this.#context.attempt(async () => {
      const { items, next_cursor } = await this.#context.api.page(path, { cursor: this.#cursor });
      if (asked !== this.#asked) return;
      if (first) rows.replaceChildren();
      rows.append(...items.map((item) => named(line(item), names)));
      this.#cursor = next_cursor ?? undefined;
    });
    update(more, { hidden: this.#cursor === undefined });
    update(whole, { hidden: !rows.childElementCount });
    update(empty, { hidden: rows.childElementCount > 0 });
  }
}
