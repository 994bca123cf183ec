/** Every room: those that are attended, as they are at this moment, and those of our own. */

import { h } from "../../page/view/dom.js";
import { ask, choice, confirm, field, reveal } from "./ask.js";
import { Card } from "./card.js";
import { nothing } from "./pieces.js";

const HOUR = 3_600;
const LIVES = [[HOUR, "an hour"], [24 * HOUR, "a day"], [7 * 24 * HOUR, "a week"]];
const GUEST = ["join", "publish", "subscribe"];
const ROLES = [[GUEST.join(" "), "Talk and read"], ["join subscribe", "Listen and read"], [[...GUEST, "admin"].join(" "), "Lead: mute and remove others"]];
/** Milliseconds after which our own rooms are looked at again. */
const LOOK = 10_000;

export class Rooms {
  #context;
  #own = new Map();
  #cards = new Map();
  #list = h("div", { class: "rooms" });
  #looking;

  constructor(context) {
    this.#context = context;
    const open = h("button", { type: "button", class: "primary", onclick: () => this.#open() }, "Open a room");
    this.element = h("div", { class: "stack" }, h("div", { class: "filters" }, open), this.#list);
    this.#looking = setInterval(() => this.#look(), LOOK);
    context.attempt(() => this.#look());
    this.show("rooms");
  }

  close() {
    clearInterval(this.#looking);
  }

  show(what) {
    if (what !== "rooms") return;
    const { rooms } = this.#context.state;
    const names = new Set([...rooms.keys(), ...this.#own.keys()]);
    for (const [name, card] of this.#cards) {
      if (names.has(name)) continue;
      card.element.remove();
      this.#cards.delete(name);
    }
    for (const name of names) this.#card(name).show(rooms.get(name), this.#own.get(name));
    const empty = this.#list.querySelector(".nothing");
    if (names.size) empty?.remove();
    else if (!empty) this.#list.append(nothing("No room is attended right now."));
  }

  #card(room) {
    if (!this.#cards.has(room)) {
      const card = new Card(room, { invite: (own) => this.#invite(own), end: (own) => this.#close(own) });
      this.#cards.set(room, card);
      this.#list.append(card.element);
    }
    return this.#cards.get(room);
  }

  async #look() {
    const own = await this.#context.api.list("/rooms");
    this.#own = new Map(own.map((room) => [room.id, room]));
    this.show("rooms");
  }

  #open() {
    ask({
      title: "Open a room", button: "Open",
      fields: [field("Name", { name: "name", required: true, maxlength: 120, placeholder: "Stand-up" })],
      done: async (form) => {
        const made = await this.#context.api.ask("/rooms", { method: "POST", body: { name: form.get("name") } });
        await this.#look();
        this.#invite(made);
      },
    });
  }

  #invite({ id, name }) {
    ask({
      title: `Invite into ${name || id}`, button: "Make a link",
      fields: [
        choice("Whoever has the link may", { name: "role", options: ROLES }),
        choice("How long it is valid", { name: "life", options: LIVES }),
      ],
      done: async (form) => {
        const body = { name: "Guest", grants: form.get("role").split(" "), ttl_s: Number(form.get("life")) };
        const { url, token } = await this.#context.api.ask(`/rooms/${id}/tokens`, { method: "POST", body });
        reveal({ title: "The invitation", about: "Whoever opens this link is let in, one at a time.", value: `${url}#token=${token}` });
      },
    });
  }

  #close({ id, name }) {
    confirm({
      title: "Close this room?", about: `Everybody in ${name || id} is sent out.`, button: "Close it",
      done: async () => {
        await this.#context.api.ask(`/rooms/${id}`, { method: "DELETE" });
        await this.#look();
      },
    });
  }
}
