/** What several parts are made of. */

import { h, update } from "../../page/view/dom.js";
import { ago } from "../state.js";

/** A box with a title. */
export function panel(title, ...content) {
  return h("section", { class: "panel" }, h("h2", {}, title), ...content);
}

/** A box whose title has buttons beside it. */
export function headed(title, buttons, ...content) {
  return h("section", { class: "panel" }, h("header", { class: "panel-head" }, h("h2", {}, title), h("div", { class: "buttons" }, buttons)),
    ...content);
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

/** A table; on a narrow screen every row is a card, in which cells carry the name of their column. */
export function table(names, rows) {
  const heads = names.map((name) => (name ? h("th", { scope: "col", role: "columnheader" }, name) : h("td", { role: "cell" })));
  return h("div", { class: "table", tabindex: 0 },
    h("table", { role: "table" }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), h("tbody", { role: "rowgroup" }, rows.map((one) => named(one, names)))));
}

/** A row of a table. */
export function row(...cells) {
  return h("tr", { role: "row" }, cells.map((cell) => h("td", { role: "cell" }, h("div", {}, cell))));
}

/** Tell the cells of a row which columns they are in. */
export function named(line, names) {
  names.forEach((name, index) => update(line.children[index], { "data-name": name }));
  return line;
}

/** How many there are of something, in words. */
export function counted(count, one, several = `${one}s`) {
  return `${count} ${count === 1 ? one : several}`;
}

/** What stands where there is nothing. */
export function nothing(text) {
  return h("p", { class: "nothing" }, text);
}

/** A button that works once at a time; what it cannot do is told through `attempt`. */
export function action(label, attempt, work, attributes = {}) {
  const press = async () => {
    update(button, { disabled: true });
    await attempt(work);
    update(button, { disabled: false });
  };
  const button = h("button", { type: "button", onclick: press, ...attributes }, label);
  return button;
}

/** A moment as people say it, and exactly for who points at it; with a sign of its direction. */
export function when(moment) {
  if (!moment) return h("span", { class: "soft" }, "never");
  const [then, now] = [new Date(moment), new Date()];
  const words = then > now ? `in ${ago(now, then)}` : `${ago(then, now)} ago`;
  return h("time", { datetime: moment, title: then.toLocaleString() }, words);
}
