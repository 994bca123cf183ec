/** Which programs may do what: tokens of the API. And what was done with them. */

import { h } from "../../page/view/dom.js";
import { ask, choice, confirm, field, reveal, several } from "./ask.js";
import { Listing } from "./listing.js";
import { action, badge, headed, nothing, panel, row, table, when } from "./pieces.js";

const DAY = 86_400;
const LIVES = [[30 * DAY, "30 days"], [90 * DAY, "90 days"], [365 * DAY, "a year"], ["", "for ever"]];

export class Access {
  #context;
  #list = h("div", {});
  #done;

  constructor(context) {
    this.#context = context;
    const add = h("button", { type: "button", class: "primary", onclick: () => this.#add() }, "Make a token");
    this.#done = new Listing(context, { path: "/audit", names: ["What", "Who", "Outcome", "When"], line: done, empty: "Nothing yet." });
    const again = action("Look again", context.attempt, () => this.#done.refresh(), { class: "quiet" });
    this.element = h("div", { class: "stack" },
      panel("Tokens", h("p", { class: "soft" }, "Each program gets a token of its own, for what it does and no more. Only a digest of it is kept."),
        add, this.#list),
      headed("What was done", again, h("p", { class: "soft" }, "By administrators and programs; not by people in calls."), this.#done.element));
    context.attempt(() => this.#load());
  }

  async #load() {
    const tokens = await this.#context.api.list("/tokens");
    const rows = tokens.map((one) => this.#line(one));
    this.#list.replaceChildren(rows.length ? table(["Name", "May", "Made", "Ends", ""], rows) : nothing("There are none but the one of the settings."));
  }

  #line(token) {
    const { name, scopes, created_at, created_by, expires_at } = token;
    const revoke = h("button", { type: "button", class: "quiet", "aria-label": `Revoke ${name}`, onclick: () => this.#revoke(token) }, "Revoke");
    const over = expires_at && new Date(expires_at) < new Date();
    return row(h("strong", {}, name), scopes.flatMap((scope) => [badge(scope, scope === "admin" ? "warn" : "idle"), " "]),
      [when(created_at), h("p", { class: "soft" }, `by ${created_by}`)], over ? badge("ended", "bad") : when(expires_at), revoke);
  }

  #add() {
    ask({
      title: "Make a token",
      fields: [
        field("What it is for", { name: "name", required: true, maxlength: 120, placeholder: "Dashboard of the reception" }),
        several("What it may do", "scopes", Object.entries(this.#context.state.overview.scopes)),
        choice("How long it is valid", { name: "life", options: LIVES }),
      ],
      button: "Make",
      done: async (form) => {
        const body = { name: form.get("name"), scopes: form.getAll("scopes") };
        if (form.get("life")) body.expires_in = Number(form.get("life"));
        const { token } = await this.#context.api.ask("/tokens", { method: "POST", body });
        reveal({ title: "The new token", about: "Give it to the program now: it is not shown again.", value: token });
        this.#load();
      },
    });
  }

  #revoke({ id, name }) {
    confirm({
      title: "Revoke this token?", about: `${name} will be refused from now on.`, button: "Revoke",
      done: async () => {
        await this.#context.api.ask(`/tokens/${id}`, { method: "DELETE" });
        await this.#load();
      },
    });
  }
}

function done({ method, route, about, made, who, name, origin, status, at }) {
  const things = made ? [made] : Object.values(about);
  return row([h("code", {}, `${method} ${route}`), h("p", { class: "soft value" }, things.join(", "))],
    [h("strong", {}, name), h("p", { class: "soft value" }, [who, origin].filter(Boolean).join(", "))],
    badge(status, status < 400 ? "good" : "bad"), when(at));
}
