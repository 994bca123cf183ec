/** What was said in calls, as far as it is kept. */

import { h } from "../../page/view/dom.js";
import { clock } from "../state.js";
import { confirm } from "./ask.js";
import { action, badge, nothing, row, table, when } from "./pieces.js";

const FORMATS = ["vtt", "srt", "txt", "json"];
/** Transcripts that are shown; the search looks through all. */
const SHOWN = 200;

export class Transcripts {
  #context;
  #items = [];
  #parts = {};

  constructor(context) {
    this.#context = context;
    const parts = this.#parts;
    parts.query = h("input", { type: "search", placeholder: "Search", "aria-label": "Search for a room", oninput: () => this.#show() });
    parts.list = h("div", {});
    this.element = h("div", { class: "stack" }, h("div", { class: "filters" }, parts.query), parts.list);
    context.attempt(() => this.#load());
  }

  async #load() {
    this.#items = (await this.#context.api.list("/transcripts")).reverse();
    this.#show();
  }

  #show() {
    const query = this.#parts.query.value.trim().toLowerCase();
    const found = this.#items.filter(({ title, room }) => `${title} ${room}`.toLowerCase().includes(query));
    const rows = found.slice(0, SHOWN).map((item) => this.#line(item));
    const empty = this.#items.length ? "No transcript is called so." : "No transcript is kept.";
    this.#parts.list.replaceChildren(rows.length ? h("div", { class: "panel" }, table(["Room", "Began", "Ended", "Lines", ""], rows)) : nothing(empty));
  }

  #line({ id, title, room, started_at, ended_at, lines }) {
    const name = h("a", { href: `#transcripts/${id}` }, title || room);
    return row(h("strong", {}, name), when(started_at), ended_at ? clock(ended_at) : badge("goes on", "good"), lines,
      action("Delete", this.#context.attempt, () => this.#delete(id, title || room), { class: "quiet", "aria-label": `Delete ${title || room}` }));
  }

  #delete(id, name) {
    confirm({
      title: "Delete this transcript?", about: `What was said in ${name} cannot be brought back.`, button: "Delete",
      done: async () => {
        await this.#context.api.ask(`/transcripts/${id}`, { method: "DELETE" });
        await this.#load();
      },
    });
  }
}

/** One transcript, to be read and taken along. */
export class Transcript {
  #context;
  #path;
  #title = h("h2", {});
  #text = h("pre", { class: "reading", tabindex: 0, "aria-label": "What was said" });

  constructor(context, id) {
    this.#context = context;
    this.#path = `/transcripts/${encodeURIComponent(id)}`;
    const buttons = FORMATS.map((format) =>
      action(format.toUpperCase(), context.attempt, () => this.#download(format), { "aria-label": `Download as ${format.toUpperCase()}` }));
    this.element = h("div", { class: "stack" }, h("a", { href: "#transcripts", class: "back" }, "All transcripts"),
      h("header", { class: "panel-head" }, this.#title, h("div", { class: "buttons" }, buttons)), this.#text);
    context.attempt(() => this.#load());
  }

  async #load() {
    const { title, room, started_at } = await this.#context.api.ask(this.#path);
    this.#title.append(title || room, h("span", { class: "soft" }, " began "), when(started_at));
    this.#text.textContent = await this.#content("txt");
  }

  #content(format) {
    return this.#context.api.text(`${this.#path}/content?format=${format}`);
  }

  async #download(format) {
    const { title, room } = await this.#context.api.ask(this.#path);
    const url = URL.createObjectURL(new Blob([await this.#content(format)]));
    h("a", { href: url, download: `${(title || room).replace(/[^\p{L}\p{N}]+/gu, "-")}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}
