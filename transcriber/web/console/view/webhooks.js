/** Who is told of events, and what could not be delivered. */

import { h } from "../../page/view/dom.js";
import { nothing } from "./pieces.js";

export class Webhooks {
  constructor() {
    this.element = h("div", { class: "stack" }, nothing("This service sends no webhooks yet."));
  }
}
