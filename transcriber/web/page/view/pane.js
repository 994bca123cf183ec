/** The transcript beside the picture: to read back, to search, to take home. */

import { FORMATS, clock, file } from "../model/formats.js";
import { pieces } from "../model/search.js";
import { Transcript } from "../model/transcript.js";
import { h, icon, iconButton, update } from "./dom.js";

/** Pixels from the end within which a reader is taken to follow what is said. */
const NEAR = 60;
const WORDS = { vtt: "WebVTT subtitles", srt: "SRT subtitles", txt: "Text", json: "JSON" };

export class Pane {
  #roster;
  #room;
  #transcript = new Transcript();
  #rows = new Map();
  #live = new Map();
  #follows = true;
  #hits = [];
  #current = -1;
  #parts = {};

  /** `room` gives the room's name; `closed` is called by the button that closes the pane. */
  constructor({ roster, room, closed }) {
    this.#roster = roster;
    this.#room = room;
    this.element = this.#draw(closed);
    new ResizeObserver(() => this.#follows && this.#follow()).observe(this.#parts.scroll);
    this.#showState();
  }

  /** Take in what somebody said. */
  add(entry) {
    const following = this.#following;
    const at = this.#transcript.add(entry);
    if (at < 0) return;
    const row = this.#row(entry);
    this.#rows.set(entry.id, row);
    this.#parts.list.insertBefore(row.element, this.#parts.list.children[at] ?? null);
    this.#showNames(at);
    this.#mark(entry);
    if (following) this.#follow();
    this.#showState();
  }

  /** Show what somebody seems to be saying, until it is said. */
  hear({ id, participant_id, name, text, language, final }) {
    const following = this.#following;
    this.#live.get(id)?.element.remove();
    this.#live.delete(id);
    if (!final) {
      const row = this.#row({ id, participant_id, name, text, language, start_ms: 0 });
      row.words.textContent = text;
      row.name.lastChild.remove();
      row.element.classList.add("begins");
      this.#live.set(id, row);
      this.#parts.live.append(row.element);
    }
    if (following) this.#follow();
    this.#showState();
  }

  /** Nothing more will be said, and the pane stays: what was not said to its end is forgotten. */
  end() {
    for (const { element } of this.#live.values()) element.remove();
    this.#live.clear();
    this.#parts.close.remove();
    update(this.element, { hidden: false });
  }

  /** Whether anything was said. */
  get filled() {
    return this.#transcript.entries.length > 0;
  }

  /** Put the cursor into the search. */
  search() {
    this.#parts.query.focus();
    this.#parts.query.select();
  }

  /** Go to the newest words, as after opening. */
  follow() {
    this.#follow();
  }

  #draw(closed) {
    const parts = this.#parts;
    parts.list = h("ol", { class: "entries" });
    parts.live = h("ol", { class: "entries live", "aria-hidden": "true" });
    parts.scroll = h(
      "div",
      { class: "pane-scroll", tabindex: 0, role: "region", "aria-label": "What was said", onscroll: () => this.#scrolled() },
      parts.list,
      parts.live,
    );
    parts.close = iconButton("close", "Close the transcript", { class: "quiet square", onclick: closed });
    parts.empty = h("p", { class: "pane-empty" }, "What is said will stand here.");
    parts.latest = h(
      "button",
      { type: "button", class: "latest", onclick: () => this.#follow() },
      icon("down"),
      "Latest",
    );
    return h(
      "aside",
      { class: "pane", "aria-label": "Transcript" },
      h("header", { class: "pane-head" }, h("h2", {}, "Transcript"), this.#drawDownloads(), parts.close),
      this.#drawSearch(),
      h("div", { class: "pane-body" }, parts.scroll, parts.empty, parts.latest),
    );
  }

  #drawSearch() {
    const parts = this.#parts;
    parts.query = h("input", {
      type: "search", placeholder: "Search", "aria-label": "Search in the transcript", enterkeyhint: "search",
      oninput: () => this.#search(), onkeydown: (event) => this.#key(event),
    });
    parts.count = h("span", { class: "count", role: "status" });
    const step = (by) => () => this.#jump(by);
    parts.previous = iconButton("up", "Previous place", { class: "quiet square", onclick: step(-1) });
    parts.next = iconButton("down", "Next place", { class: "quiet square", onclick: step(1) });
    return h(
      "search",
      { class: "pane-search" },
      h("span", { class: "search-field" }, icon("search"), parts.query, parts.count),
      parts.previous,
      parts.next,
    );
  }

  #drawDownloads() {
    const parts = this.#parts;
    const one = (format) =>
      h("button", { type: "button", class: "quiet", onclick: () => this.#download(format) }, WORDS[format],
        h("span", { class: "file-ending" }, `.${format}`));
    const summary = h("summary", { class: "button", title: "Download" }, icon("download"), h("span", {}, "Download"));
    parts.downloads = h("details", { class: "menu", onkeydown: escape, onfocusout: leave }, summary,
      h("div", { class: "menu-items" }, FORMATS.map(one)));
    return parts.downloads;
  }

  #row(entry) {
    const name = h("p", { class: "entry-head" },
      h("span", { class: "speaker-name" }, entry.name), h("time", { datetime: entry.at }, moment(entry)));
    const words = h("p", { class: "entry-words", lang: entry.language, dir: "auto" });
    const colour = this.#roster.colour(entry.participant_id);
    return { name, words, element: h("li", { class: `entry speaker-${colour}` }, name, words) };
  }

  /** Whoever speaks on needs no name again; an entry in between changes that for the next one. */
  #showNames(at) {
    for (const index of [at, at + 1]) {
      const entry = this.#transcript.entries[index];
      if (!entry) continue;
      const first = this.#transcript.begins(index);
      const { element, name } = this.#rows.get(entry.id);
      update(name, { hidden: !first });
      element.classList.toggle("begins", first);
    }
  }

  #search() {
    for (const entry of this.#transcript.entries) this.#mark(entry);
    this.#collect();
    this.#current = this.#hits.length;
    if (this.#hits.length) this.#jump(-1);
    else this.#showState();
  }

  #mark({ id, text }) {
    const parts = pieces(text, this.#parts.query.value);
    const nodes = parts.map((part) => (part.hit ? h("mark", {}, part.text) : part.text));
    this.#rows.get(id).words.replaceChildren(...nodes);
  }

  #collect() {
    this.#hits = [...this.#parts.list.querySelectorAll("mark")];
  }

  #jump(by) {
    const before = this.#hits[this.#current];
    this.#collect();
    if (!this.#hits.length) return;
    const from = before?.isConnected ? this.#hits.indexOf(before) : this.#current;
    this.#current = (from + by + this.#hits.length) % this.#hits.length;
    before?.classList.remove("current");
    const hit = this.#hits[this.#current];
    hit.classList.add("current");
    hit.scrollIntoView({ block: "center" });
    this.#showState();
  }

  #key(event) {
    if (event.key === "Enter") this.#jump(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && this.#parts.query.value) {
      event.stopPropagation();
      this.#parts.query.value = "";
      this.#search();
    }
  }

  #scrolled() {
    this.#follows = this.#following;
    this.#showState();
  }

  get #following() {
    const { scrollTop, clientHeight, scrollHeight } = this.#parts.scroll;
    return scrollTop + clientHeight > scrollHeight - NEAR && !this.#parts.query.value;
  }

  #follow() {
    this.#parts.scroll.scrollTop = this.#parts.scroll.scrollHeight;
    this.#showState();
  }

  #showState() {
    const { count, previous, next, latest, empty, query, downloads } = this.#parts;
    const [some, searching] = [this.#transcript.entries.length > 0, Boolean(query.value.trim())];
    const places = this.#hits.length ? `${this.#current + 1} of ${this.#hits.length}` : "not found";
    count.textContent = searching ? places : "";
    for (const button of [previous, next]) update(button, { hidden: !searching, disabled: !this.#hits.length });
    update(latest, { hidden: this.#following || !some });
    update(empty, { hidden: some || this.#live.size > 0 });
    update(downloads, { hidden: !some });
  }

  #download(format) {
    const { entries } = this.#transcript;
    const { name, type, text } = file(format, { room: this.#room(), entries, now: new Date() });
    const url = URL.createObjectURL(new Blob([text], { type }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.#parts.downloads.open = false;
  }
}

/** When something was said: by the clock, or since the beginning. */
function moment({ at, start_ms }) {
  if (!at) return clock(start_ms);
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function escape(event) {
  const menu = event.currentTarget;
  if (event.key !== "Escape" || !menu.open) return;
  event.stopPropagation();
  menu.open = false;
  menu.firstChild.focus();
}

function leave(event) {
  if (!event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
}
