/**
 * The people, each in a tile.
 *
 * A tile is made once and then only changed, so that a picture never flickers. What is being shown
 * (a screen, or whom somebody has pinned) stands large on the stage, the others beside it.
 */

import { grid, layer } from "../model/layout.js";
import { ofSpeaker } from "../model/level.js";
import { initials, silent, trackOf } from "../model/roster.js";
import { h, icon, iconButton, update } from "./dom.js";

const GAP = 12;
const SPEAKING = 0.12;
const HELD = "The picture is paused: your connection is too slow for it";
const QUALITY = ["No connection", "Very poor connection", "Poor connection"];

export class Tiles {
  #call;
  #tiles = new Map();
  #pinned = "";
  #stage = h("div", { class: "stage-large" });
  #rest = h("div", { class: "stage-tiles" });
  #resized = new ResizeObserver(() => this.#place());

  constructor(call) {
    this.#call = call;
    this.element = h("section", { class: "stage", "aria-label": "People" }, this.#stage, this.#rest);
    this.#resized.observe(this.element);
    this.#resized.observe(this.#rest);
  }

  close() {
    this.#resized.disconnect();
  }

  /** Show the room as it is now. */
  show() {
    const wanted = [...this.#call.roster.people].flatMap((person) => this.#wanted(person));
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, tile] of this.#tiles) {
      if (keys.has(key)) continue;
      tile.element.remove();
      this.#tiles.delete(key);
    }
    for (const one of wanted) this.#tile(one).show(one);
    this.#place();
  }

  /** Pin somebody to the stage, or take them off it. */
  pin(key) {
    this.#pinned = this.#pinned === key ? "" : key;
    this.show();
  }

  /** Somebody's tile, and one more for what they show of their screen. */
  #wanted(person) {
    const { roster, tracks, wishes } = this.#call;
    const own = person.id === roster.me;
    const one = (source) => {
      const track = own ? tracks[source] : trackOf(person, source);
      const media = own ? track : track && this.#call.media(track.id);
      return { id: track?.id, live: Boolean(track) && !track.held, held: Boolean(track?.held), media };
    };
    const about = {
      person, own, colour: roster.colour(person.id), level: ofSpeaker(person.level),
      muted: own ? wishes.muted || !tracks.microphone : silent(person), alone: roster.people.length === 1,
    };
    const face = { ...about, key: person.id, source: "camera", ...one("camera") };
    const screen = { ...about, key: `${person.id}/screen`, source: "screen", ...one("screen") };
    return screen.id ? [face, screen] : [face];
  }

  #tile({ key }) {
    if (!this.#tiles.has(key)) this.#tiles.set(key, new Tile(() => this.pin(key)));
    return this.#tiles.get(key);
  }

  #place() {
    const tiles = [...this.#tiles.values()];
    const large = this.#tiles.get(this.#pinned) ?? tiles.find((tile) => tile.screen);
    const small = tiles.filter((tile) => tile !== large);
    arrange(this.#stage, large ? [large.element] : []);
    arrange(this.#rest, small.map((tile) => tile.element));
    this.element.classList.toggle("staged", Boolean(large));
    const { clientWidth: width, clientHeight: height } = this.#rest;
    const best = grid(small.length, { width, height, gap: GAP });
    const size = large ? { width: undefined, height: undefined } : best;
    for (const tile of small) tile.size(size);
    large?.size({ width: undefined, height: undefined });
    for (const tile of tiles) tile.pinned = tile === large;
    this.#watch(tiles);
  }

  /** Ask for each picture in the size in which it is seen. */
  #watch(tiles) {
    for (const tile of tiles) {
      if (tile.own || !tile.id) continue;
      const seen = tile.element.clientHeight * devicePixelRatio;
      this.#call.watch(tile.id, document.hidden ? undefined : layer(seen));
    }
  }
}

class Tile {
  id;
  own = false;
  screen = false;
  #parts;

  constructor(pin) {
    const video = h("video", { autoplay: true, playsinline: true, "aria-hidden": "true" });
    video.muted = true;
    this.#parts = {
      video,
      avatar: h("span", { class: "avatar", "aria-hidden": "true" }),
      name: h("span", { class: "tile-name" }),
      muted: h("span", { class: "tile-muted" }, icon("mic-off"), h("span", { class: "unseen" }, "muted")),
      quality: h("span", { class: "tile-quality" }, icon("alert")),
      held: h("p", { class: "tile-held" }, HELD),
      pin: iconButton("pin", "Show large", { class: "tile-pin square", onclick: pin }),
    };
    const { avatar, name, muted, quality, held, pin: button } = this.#parts;
    const label = h("p", { class: "tile-label" }, muted, name, quality);
    this.element = h("article", { class: "tile" }, video, avatar, held, label, button);
  }

  show({ person, own, source, id, live, held, media, colour, level, muted, alone }) {
    Object.assign(this, { id, own, screen: source === "screen" });
    const { video, avatar, name, pin } = this.#parts;
    const title = this.#title(person, own);
    update(this.element, { "aria-label": title, class: `tile speaker-${colour} ${source}` });
    this.element.classList.toggle("speaking", !this.screen && level > SPEAKING && !muted);
    this.#play(live ? media : undefined);
    video.classList.toggle("mirrored", own && !this.screen);
    avatar.textContent = initials(person.name);
    name.textContent = title;
    update(pin, { hidden: alone });
    update(this.#parts.held, { hidden: !held });
    this.#showState(person, muted);
  }

  /** Give the tile a size in pixels, or let the style sheet decide. */
  size({ width, height }) {
    this.element.style.width = width === undefined ? "" : `${width}px`;
    this.element.style.height = height === undefined ? "" : `${height}px`;
  }

  set pinned(pinned) {
    update(this.#parts.pin, {
      "aria-pressed": String(pinned), "aria-label": pinned ? "Show small" : "Show large",
    });
  }

  #title(person, own) {
    const name = own ? `${person.name} (you)` : person.name;
    return this.screen ? `Screen of ${name}` : name;
  }

  #showState(person, muted) {
    const { muted: mark, quality } = this.#parts;
    update(mark, { hidden: this.screen || !muted });
    const words = QUALITY[Math.floor(person.quality ?? QUALITY.length)];
    update(quality, { hidden: !words || this.screen, title: words, "aria-label": words, role: "img" });
  }

  #play(media) {
    const { video, avatar } = this.#parts;
    if (video.srcObject?.getTracks()[0] !== media) {
      video.srcObject = media ? new MediaStream([media]) : null;
    }
    update(video, { hidden: !media });
    update(avatar, { hidden: Boolean(media) });
  }
}

/** Let an element have exactly these children, moving none that is in its place. */
function arrange(parent, children) {
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}
