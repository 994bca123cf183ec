/** Who may look: whoever has a token, or whom the identity provider knows. */

import { h, icon, update } from "../../page/view/dom.js";
import { notice } from "../../page/view/notice.js";

export class Login {
  #enter;
  #parts = {};

  /** `enter` gets the token and raises what the server says against it; `provider`: whether there is one. */
  constructor({ problem, enter, provider }) {
    this.#enter = enter;
    const parts = this.#parts;
    parts.token = h("input", { type: "password", required: true, autocomplete: "current-password", autofocus: true });
    parts.problem = h("div", { role: "alert" });
    parts.button = h("button", { class: "primary", type: "submit" }, "Sign in");
    this.element = h(
      "main",
      { class: "login" },
      h("form", { class: "login-card", onsubmit: (event) => this.#submit(event) },
        h("p", { class: "mark" }, icon("captions")),
        h("h1", {}, "Console"),
        parts.problem,
        provider && h("button", { type: "button", class: "primary", onclick: () => location.assign("api/v1/sign-in") }, "Sign in with your organisation"),
        provider && h("p", { class: "soft" }, "Or with a token:"),
        h("label", { class: "field" }, h("span", {}, "Token"), parts.token),
        h("p", { class: "soft" }, "The value of API_TOKEN, or a token that may do everything. It stays in this tab."),
        parts.button),
    );
    this.#complain(problem);
  }

  async #submit(event) {
    event.preventDefault();
    update(this.#parts.button, { disabled: true });
    try {
      await this.#enter(this.#parts.token.value.trim());
    } catch (error) {
      this.#complain(error.unknown ? "The server does not know this token." : error.message);
    } finally {
      update(this.#parts.button, { disabled: false });
    }
  }

  #complain(problem) {
    this.#parts.problem.replaceChildren(...(problem ? [notice({ title: problem, remedy: "" })] : []));
  }
}
