/** What several parts are made of. */

import { h } from "../../page/view/dom.js";

/** A box with a title. */
export function panel(title, ...content) {
  return h("section", { class: "panel" }, h("h2", {}, title), ...content);
}

/** A number or word that stands for itself. */
export function fact(name, value, about = "", kind = "") {
  return h("div", { class: `fact ${kind}` }, h("span", { class: "soft" }, name), h("strong", {}, String(value)),
    about && h("span", { class: "about" }, about));
}

/** A small word in a colour: `good`, `bad`, `warn`, `idle`, `off`. */
export function badge(text, kind = "idle") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** A table; the first row of cells names the columns. */
export function table(names, rows) {
  return h("div", { class: "table", tabindex: 0 },
    h("table", {}, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows)));
}

/** A row of a table. */
export function row(...cells) {
  return h("tr", {}, cells.map((cell) => h("td", {}, cell)));
}

/** What stands where there is nothing. */
export function nothing(text) {
  return h("p", { class: "nothing" }, text);
}
