/** What is set, where it comes from, and what it means. */

import { h } from "../../page/view/dom.js";
import { badge, row, table } from "./pieces.js";

export class Settings {
  #state;
  #parts = {};

  constructor({ state }) {
    this.#state = state;
    const parts = this.#parts;
    const show = () => this.#show();
    parts.query = h("input", { type: "search", placeholder: "Search", "aria-label": "Search in the settings", oninput: show });
    parts.all = h("input", { type: "checkbox", role: "switch", onchange: show });
    parts.rows = h("div", {});
    this.element = h("div", { class: "stack" },
      h("div", { class: "filters" }, parts.query, h("label", { class: "switch" }, h("span", {}, "Defaults too"), parts.all)),
      parts.rows);
    this.#show();
  }

  #show() {
    const query = this.#parts.query.value.trim().toLowerCase();
    const wanted = this.#state.overview.settings.filter(
      ({ name, description, origin }) =>
        (this.#parts.all.checked || query || origin !== "default") && `${name} ${description}`.toLowerCase().includes(query),
    );
    const rows = wanted.map(({ name, value, origin, description, secret }) =>
      row(h("code", {}, name), [value ? h("code", { class: "value" }, value) : h("span", { class: "soft" }, "empty"), secret && badge("secret")],
        h("span", { class: "soft" }, origin), description));
    this.#parts.rows.replaceChildren(table(["Setting", "Value", "From", "What it is"], rows));
  }
}
