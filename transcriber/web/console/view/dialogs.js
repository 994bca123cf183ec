/** Flows and the conversations that follow them. */

import { h } from "../../page/view/dom.js";
import { nothing } from "./pieces.js";

export class Dialogs {
  constructor() {
    this.element = h("div", { class: "stack" }, nothing("This service leads no dialogs yet."));
  }
}
