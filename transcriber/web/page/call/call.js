/**
 * Our stay in a room: what the server says and what we want, put together.
 *
 * The connection may be lost and found at any time, so nothing here is said once. What we want
 * (tracks, mute, captions, languages) is kept and told again after every `ready`; what the server
 * knows comes with it.
 *
 * Events: `change` (people, our own state), `media`, `caption`, `news` (in words, for ears), `away`,
 * `back`, `problem`, `end`.
 */

import { newsOf } from "../model/news.js";
import { Roster } from "../model/roster.js";
import { ofServer } from "../model/problems.js";
import { Publisher } from "./publisher.js";
import { Signaling } from "./signaling.js";
import { Subscriber } from "./subscriber.js";

/** Milliseconds in which a way that is interrupted may come back by itself. */
const PATIENCE = 3_000;
/** How often a way for what we send is looked for once more, as the server does for what it sends. */
const TRIES = 2;

export class Call extends EventTarget {
  roster;
  room = { id: "", name: "", language: "", captions: true };
  languages = [];
  targets = [];
  tracks = { microphone: undefined, camera: undefined, screen: undefined };
  wishes = { muted: false, captions: true, target: "", language: "" };
  #signaling;
  #publisher;
  #subscriber;
  #servers = [];
  #resume = "";
  #tries = 0;
  #layers = new Map();

  /** `join` is what a `join` message says; `open` makes the WebSocket. */
  constructor(join, open) {
    super();
    this.roster = new Roster(join.name);
    this.#signaling = new Signaling(join, { open });
    for (const type of Object.keys(HEARD)) this.#on(type, (message) => HEARD[type](this, message));
    for (const type of PEOPLE) this.#on(type, (message) => this.#picture(message));
  }

  /** What is needed to come back as the same person after the page was loaded again. */
  get resume() {
    return this.#resume;
  }

  /** Come in. */
  enter() {
    this.#signaling.connect();
  }

  /** Go for good. */
  leave() {
    this.#signaling.leave();
  }

  /** There is a network again, perhaps another one. */
  hurry() {
    this.#signaling.hurry();
    this.#tries = 0;
    for (const peer of ["publish", "subscribe"]) this.#search(peer);
  }

  /** The media of a track of the server. */
  media(id) {
    return this.#subscriber?.media.get(id);
  }

  /** Send a track from a source, or nothing; what was sent before is stopped. */
  async put(source, track) {
    if (this.tracks[source] !== track) this.tracks[source]?.stop();
    this.tracks[source] = track;
    if (source === "microphone" && track) track.enabled = !this.wishes.muted;
    this.#tell("change");
    await this.#publisher?.put(source, track ?? null);
  }

  /** Be heard or not; the microphone stays open, so that this is instant. */
  mute(muted) {
    this.wishes.muted = muted;
    if (this.tracks.microphone) this.tracks.microphone.enabled = !muted;
    this.#sayMuted();
    this.#tell("change");
  }

  /** Read captions or not, and in which language; empty: as spoken. */
  read(on, target) {
    Object.assign(this.wishes, { captions: on, target });
    this.#signaling.send({ type: "captions", on, target });
    this.#tell("change");
  }

  /** Say which language we speak. */
  speak(language) {
    this.wishes.language = language;
    if (language) this.#signaling.send({ type: "language", language });
  }

  /** Ask for a video in the layer that its picture needs; without one for none. */
  watch(id, layer) {
    if (this.#layers.get(id) === layer) return;
    const paused = this.#layers.has(id) && this.#layers.get(id) === undefined;
    this.#layers.set(id, layer);
    if (!layer || paused) this.#signaling.send({ type: "pause", track_id: id, paused: !layer });
    if (layer) this.#signaling.send({ type: "layer", track_id: id, layer });
  }

  async _ready(message) {
    Object.assign(this.room, message.room);
    this.languages = message.languages ?? [];
    this.targets = message.targets ?? [];
    this.#servers = message.ice_servers ?? [];
    this.#resume = message.resume;
    this.#tries = 0;
    this.#picture(message);
    this.#layers.clear();
    this.#sayWishes();
    if (this.room.e2ee) {
      this.#signaling.leave("encrypted");
      return;
    }
    this.#tell("back");
    if (message.resumed && this.#publisher) await this.#repair();
    else await this.#build();
  }

  async _published(message) {
    await this.#publisher.published(message);
    this.#sayMuted();
  }

  async _offer(message) {
    await this.#subscriber.offered(message);
  }

  async _candidate({ peer, candidate }) {
    const connection = peer === "publish" ? this.#publisher : this.#subscriber;
    await connection?.candidate(candidate);
  }

  async _error(message) {
    if (message.for === "ping") return;
    if (message.for === "publish") await this.#publisher?.forget();
    if (message.for === "publish" && message.code === "unreachable" && this.#tries < TRIES) {
      this.#tries += 1;
      this.#search("publish");
      return;
    }
    this.#tell("problem", ofServer(message));
  }

  _caption(caption) {
    this.#tell("caption", caption);
  }

  _away() {
    this.#tell("away");
  }

  /** Somebody who may do so has muted us. */
  _muted({ participant_id, muted }) {
    if (participant_id === this.roster.me && muted !== this.wishes.muted) this.mute(muted);
  }

  _end({ reason }) {
    this.#close();
    for (const track of Object.values(this.tracks)) track?.stop();
    this.#tell("end", { reason });
  }

  async #build() {
    this.#close();
    const send = (message) => this.#signaling.send(message);
    const received = () => this.#tell("media");
    const failed = ({ message }) => this.#tell("problem", ofServer({ code: "unsent", message }));
    const servers = this.#servers;
    this.#publisher = new Publisher({ servers, send, failed, changed: this.#watcher("publish") });
    this.#subscriber = new Subscriber({ servers, send, received, changed: this.#watcher("subscribe") });
    for (const [source, track] of Object.entries(this.tracks)) {
      if (track) await this.#publisher.put(source, track);
    }
  }

  /** The ways through the network may have changed: look for new ones. */
  async #repair() {
    this.#signaling.send({ type: "restart", peer: "subscribe" });
    await this.#publisher.forget();
    await this.#publisher.negotiate({ fresh: true });
  }

  #watcher(peer) {
    let waiting;
    return (state) => {
      clearTimeout(waiting);
      if (state === "connected") this.#tries = 0;
      if (state === "failed") this.#search(peer);
      if (state === "disconnected") waiting = setTimeout(() => this.#search(peer), PATIENCE);
    };
  }

  /** Look for another way of one of our connections (an ICE restart). */
  #search(peer) {
    if (!this.#signaling.ready) return;
    if (peer === "publish") this.#publisher?.negotiate({ fresh: true });
    else this.#signaling.send({ type: "restart", peer });
  }

  #close() {
    this.#publisher?.close();
    this.#subscriber?.close();
    this.#publisher = this.#subscriber = undefined;
  }

  #picture(message) {
    const news = newsOf(message, this.roster);
    if (news) this.#tell("news", news);
    if (this.roster.apply(message)) this.#tell("change");
  }

  #sayWishes() {
    const { captions, target, language } = this.wishes;
    this.#signaling.send({ type: "captions", on: captions, target });
    if (language) this.#signaling.send({ type: "language", language });
  }

  #sayMuted() {
    const id = this.#publisher?.id("microphone");
    if (id) this.#signaling.send({ type: "mute", track_id: id, muted: this.wishes.muted });
  }

  #on(type, heard) {
    this.#signaling.addEventListener(type, ({ detail }) => heard(detail));
  }

  #tell(type, detail) {
    this.dispatchEvent(Object.assign(new Event(type), { detail }));
  }
}

const HEARD = {
  ready: (call, message) => call._ready(message),
  published: (call, message) => call._published(message),
  offer: (call, message) => call._offer(message),
  candidate: (call, message) => call._candidate(message),
  error: (call, message) => call._error(message),
  caption: (call, message) => call._caption(message),
  muted: (call, message) => call._muted(message),
  away: (call) => call._away(),
  end: (call, message) => call._end(message),
};
const PEOPLE = [
  "joined", "left", "track.published", "track.unpublished", "muted", "speakers", "quality", "layer",
];
