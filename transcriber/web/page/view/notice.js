/** A problem in words, with what to do about it. */

import { h, icon } from "./dom.js";

export function notice({ title, remedy }, ...buttons) {
  return h(
    "div",
    { class: "notice" },
    icon("alert"),
    h("div", {}, h("strong", {}, title), remedy && h("p", {}, remedy), ...buttons),
  );
}
