/** Who is told of what happens, and how that goes. */

import { h } from "../../page/view/dom.js";
import { ask, field, reveal } from "./ask.js";
import { action, badge, counted, nothing, row, table } from "./pieces.js";

export class Webhooks {
  #context;
  #list = h("div", {});

  constructor(context) {
    this.#context = context;
    const add = h("button", { type: "button", class: "primary", onclick: () => this.#add() }, "Add a webhook");
    this.element = h("div", { class: "stack" }, h("div", { class: "filters" }, add), this.#list);
    this.#load();
  }

  #load() {
    const { api, attempt } = this.#context;
    return attempt(async () => {
      const hooks = await api.list("/webhooks");
      const names = ["Webhook", "State", "Told of", ""];
      const lines = hooks.map((hook) => this.#line(hook));
      this.#list.replaceChildren(lines.length ? h("div", { class: "panel" }, table(names, lines)) : nothing("Nobody is told of anything yet."));
    });
  }

  #line(hook) {
    const { api, attempt } = this.#context;
    const test = action("Send a test", attempt, () => api.ask(`/webhooks/${hook.id}/test`, { method: "POST" }), { class: "quiet" });
    const name = h("a", { href: `#webhooks/${hook.id}` }, hook.name || hook.url);
    return row([h("strong", {}, name), hook.name && h("p", { class: "soft value" }, hook.url)].filter(Boolean),
      condition(hook), concerns(hook), test);
  }

  #add() {
    ask({
      title: "Add a webhook",
      about: "Whatever happens is sent there as JSON, signed, and again until it is accepted.",
      fields: [
        field("Address", { name: "url", type: "url", required: true, placeholder: "https://example.com/hook" }),
        field("Name", { name: "name", maxlength: 255 }),
        field("Events", { name: "types", value: "*", required: true, hint: "Kinds such as speech.final, areas such as speech.*, or * for all; with commas between them." }),
        field("Rooms", { name: "rooms", hint: "Only of these, with commas between them; empty: of all." }),
      ],
      button: "Add",
      done: async (form) => {
        const body = { url: form.get("url"), name: form.get("name"), event_types: words(form.get("types")), rooms: words(form.get("rooms")) };
        const made = await this.#context.api.ask("/webhooks", { method: "POST", body });
        showSecret(made);
        this.#load();
      },
    });
  }
}

/** How a webhook is, as a badge. */
export function condition({ is_active, disabled_because, circuit_state, failure_count }) {
  if (disabled_because) return badge(`off: ${disabled_because}`, "bad");
  if (!is_active) return badge("off");
  const failures = counted(failure_count, "failure");
  if (circuit_state !== "closed") return badge(`not reached, ${failures}`, "bad");
  return failure_count ? badge(failures, "warn") : badge("works", "good");
}

/** What a webhook is told of, in words. */
export function concerns({ event_types, rooms }) {
  const kinds = event_types.includes("*") ? "everything" : h("code", {}, event_types.join(", "));
  return [kinds, rooms.length ? h("p", { class: "soft" }, `in ${rooms.join(", ")}`) : ""];
}

/** A secret is shown when it is made, and never again. */
export function showSecret({ secret }) {
  reveal({ title: "The secret of this webhook", about: "The receiver checks signatures with it. Keep it now: it is not shown again.", value: secret });
}

function words(text) {
  return text.split(",").map((word) => word.trim()).filter(Boolean);
}
