/** One webhook: what could not be delivered, what was tried, and what can be done. */

import { h } from "../../page/view/dom.js";
import { confirm } from "./ask.js";
import { Listing } from "./listing.js";
import { action, badge, counted, headed, panel, row, when } from "./pieces.js";
import { concerns, condition, showSecret } from "./webhooks.js";

const KINDS = { delivered: "good", dead: "bad", pending: "idle" };

export class Webhook {
  #context;
  #id;
  #about = h("div", {});
  #dead;
  #deliveries;
  #attempts;

  constructor(context, id) {
    this.#context = context;
    this.#id = encodeURIComponent(id);
    const list = (path, names, line, empty) => new Listing(context, { path: `${this.#path}/${path}`, names, line, empty });
    this.#dead = list("dead-letters", ["Event", "Why", "Added", ""], (one) => this.#buried(one), "Everything could be delivered.");
    this.#deliveries = list("deliveries", ["Event", "State", "Tries", "Added"], delivery, "Nothing has been sent yet.");
    this.#attempts = list("attempts", ["Event", "Answer", "Took", "When"], tried, "Nothing has been tried yet.");
    this.element = h("div", { class: "stack" },
      h("a", { href: "#webhooks", class: "back" }, "All webhooks"),
      this.#about,
      headed("Could not be delivered", this.#act("Send all again", () => this.#replay({}), { class: "quiet" }), this.#dead.element),
      headed("Deliveries", this.#act("Look again", () => this.#refresh(), { class: "quiet" }), this.#deliveries.element),
      panel("Tries", this.#attempts.element));
    context.attempt(() => this.#load());
  }

  get #path() {
    return `/webhooks/${this.#id}`;
  }

  async #load() {
    const hook = await this.#context.api.ask(this.#path);
    const post = (path, body) => () => this.#context.api.ask(`${this.#path}/${path}`, { method: "POST", body });
    const active = () => this.#context.api.ask(this.#path, { method: "PATCH", body: { is_active: !hook.is_active } }).then(() => this.#load());
    const buttons = [
      this.#act("Send a test", async () => { await post("test")(); await this.#refresh(); }),
      this.#act("New secret", async () => showSecret(await post("rotate-secret", {})())),
      this.#act(hook.is_active ? "Switch off" : "Switch on", active),
      h("button", { type: "button", class: "quiet", onclick: () => this.#delete(hook) }, "Delete"),
    ];
    this.#about.replaceChildren(headed(hook.name || "Webhook", buttons, h("p", { class: "value" }, hook.url),
      h("p", {}, condition(hook), hook.failing_since ? [" first ", when(hook.failing_since)] : []), h("p", {}, "Is told of ", concerns(hook))));
  }

  #buried({ id, event_type, event_id, error, attempts, added_at, replayable }) {
    const again = replayable && this.#act("Send again", () => this.#replay({ delivery_id: id }), { class: "quiet" });
    return row([h("strong", {}, event_type), h("p", { class: "soft value" }, event_id)], [error, h("p", { class: "soft" }, counted(attempts, "try", "tries"))], when(added_at), again);
  }

  async #replay(what) {
    await this.#context.api.ask(`${this.#path}/replay`, { method: "POST", body: what });
    await this.#refresh();
  }

  async #refresh() {
    await Promise.all([this.#load(), this.#dead.refresh(), this.#deliveries.refresh(), this.#attempts.refresh()]);
  }

  #delete(hook) {
    confirm({
      title: "Delete this webhook?",
      about: `${hook.name || hook.url} will be told of nothing more, and what waits for it is forgotten.`,
      button: "Delete",
      done: async () => {
        await this.#context.api.ask(this.#path, { method: "DELETE" });
        location.hash = "webhooks";
      },
    });
  }

  #act(label, work, attributes) {
    return action(label, this.#context.attempt, work, attributes);
  }
}

function delivery({ event_type, event_id, state, attempts, replays, error, added_at }) {
  const tries = replays ? `${attempts}, sent again ${counted(replays, "time")}` : attempts;
  return row([h("strong", {}, event_type), h("p", { class: "soft value" }, event_id)],
    [badge(state, KINDS[state]), error && h("p", { class: "soft" }, error)].filter(Boolean), tries, when(added_at));
}

function tried({ event_type, response_code, response_body, error, duration_ms, at }) {
  const answer = [badge(response_code ?? "no answer", error ? "bad" : "good"), error && h("p", { class: "soft" }, error),
    response_body && h("details", {}, h("summary", {}, "What it said"), h("pre", {}, response_body))];
  return row(event_type, answer.filter(Boolean), `${duration_ms} ms`, when(at));
}
