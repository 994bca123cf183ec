/** The room: people, captions, transcript and buttons around one call. */

import { openScreen } from "../call/devices.js";
import { transcript } from "../call/api.js";
import { ofDevice, ofEnd } from "../model/problems.js";
import { entryOf } from "../model/transcript.js";
import { h, iconButton, update } from "./dom.js";
import { notice } from "./notice.js";
import { Overlay } from "./overlay.js";
import { Pane } from "./pane.js";
import { Settings } from "./settings.js";
import { listen } from "./shortcuts.js";
import { Sound } from "./sound.js";
import { Tiles } from "./tiles.js";
import { Toolbar } from "./toolbar.js";

/** Milliseconds that a notice nobody closes stays. */
const PASSING = 8_000;
const QUALITY = [
  [1, "none", "No connection"],
  [2, "poor", "Very poor connection"],
  [3.5, "fair", "Fair connection"],
  [6, "good", "Good connection"],
];

export class Room {
  #call;
  #kit;
  #wishes;
  #visit;
  #ended;
  #leaving = new AbortController();
  #parts = {};
  #away = false;
  /** A microphone that was opened only now: whoever asked for it wants to be heard. */
  #fresh;

  /** `ended` gets the problem to tell, and the transcript pane that can still be used. */
  constructor({ call, kit, wishes, visit, ended }) {
    this.#call = call;
    this.#kit = kit;
    this.#wishes = wishes;
    this.#visit = visit;
    this.#ended = ended;
    this.element = this.#draw();
    this.#parts.settings.devices(kit);
    this.#listen();
    this.#show();
  }

  close() {
    this.#leaving.abort();
    for (const part of ["tiles", "overlay", "sound"]) this.#parts[part].close();
    this.element.remove();
  }

  #draw() {
    const parts = this.#parts;
    parts.tiles = new Tiles(this.#call);
    parts.sound = new Sound(() => this.#askToPlay());
    parts.overlay = new Overlay(this.#call.roster);
    parts.pane = new Pane({
      roster: this.#call.roster, room: () => this.#title, closed: () => this.#toggle("transcript"),
    });
    parts.toolbar = new Toolbar(this.#actions);
    parts.settings = new Settings({
      wishes: this.#wishes, changed: (name) => this.#changed(name), choose: (kind, id) => this.#choose(kind, id),
    });
    parts.status = h("p", { class: "status", role: "status" });
    parts.notices = h("div", { class: "notices", role: "alert" });
    const middle = h("div", { class: "middle" }, parts.tiles.element, parts.notices, parts.overlay.element);
    return h("main", { class: "room" }, this.#drawHead(), middle, parts.pane.element, parts.toolbar.element,
      parts.settings.element, h("p", { class: "unseen", role: "status" }, (parts.news = h("span"))));
  }

  #drawHead() {
    const parts = this.#parts;
    parts.title = h("h1", { class: "room-title" });
    parts.people = h("span", { class: "room-people" });
    parts.quality = h("span", { class: "quality", role: "img" }, h("i"), h("i"), h("i"));
    parts.link = iconButton("link", "Copy the link of this room", {
      class: "quiet square", onclick: () => this.#copy(),
    });
    return h("header", { class: "room-head" }, parts.title, parts.people, parts.link, parts.status, parts.quality);
  }

  get #actions() {
    return {
      microphone: () => this.#toggleSound(),
      camera: () => this.#toggleCamera(),
      screen: () => this.#toggleScreen(),
      captions: () => this.#toggle("captions"),
      transcript: () => this.#toggle("transcript"),
      search: () => this.#search(),
      settings: () => this.#parts.settings.open(),
      leave: () => this.#call.leave(),
    };
  }

  #listen() {
    const { signal } = this.#leaving;
    const heard = {
      change: () => this.#show(),
      media: () => this.#show(),
      caption: ({ detail }) => this.#caption(detail),
      news: ({ detail }) => (this.#parts.news.textContent = detail),
      away: () => this.#setAway(true),
      back: () => this.#back(),
      problem: ({ detail }) => this.#complain(detail),
      end: ({ detail }) => this.#end(detail),
    };
    for (const [type, listener] of Object.entries(heard)) this.#call.addEventListener(type, listener, { signal });
    this.#kit.addEventListener("change", ({ detail }) => this.#devices(detail), { signal });
    addEventListener("online", () => this.#call.hurry(), { signal });
    document.addEventListener("visibilitychange", () => this.#parts.tiles.show(), { signal });
    listen({ actions: this.#actions, wanted: () => this.#wishes.shortcuts, signal });
  }

  get #title() {
    return this.#call.room.name || "Room";
  }

  #show() {
    const { roster, wishes, tracks, room } = this.#call;
    const { title, people, toolbar, tiles, overlay, pane, sound } = this.#parts;
    title.textContent = this.#title;
    people.textContent = roster.people.length > 1 ? `${roster.people.length} people` : "Only you so far";
    toolbar.show({
      muted: wishes.muted || !tracks.microphone, camera: Boolean(tracks.camera), screen: Boolean(tracks.screen),
      captions: this.#wishes.captions, transcript: this.#wishes.transcript, canCaption: room.captions,
      canShare: Boolean(navigator.mediaDevices?.getDisplayMedia),
    });
    overlay.shown = this.#wishes.captions && room.captions;
    update(pane.element, { hidden: !this.#wishes.transcript });
    this.element.dataset.size = this.#wishes.size;
    this.#showQuality(roster.person(roster.me)?.quality);
    sound.show(this.#heard());
    tiles.show();
  }

  /** What there is to be heard: sound of others. */
  #heard() {
    const tracks = this.#call.roster.others.flatMap((person) => [...person.tracks.values()]);
    const audible = tracks.filter(({ kind }) => kind === "audio");
    return audible.map(({ id }) => [id, this.#call.media(id)]).filter(([, media]) => media);
  }

  #showQuality(score) {
    const [, name, words] = QUALITY.find(([limit]) => (this.#away ? 0 : (score ?? 5)) < limit);
    update(this.#parts.quality, { class: `quality ${name}`, title: words, "aria-label": words });
  }

  #caption(caption) {
    this.#parts.overlay.add(caption);
    this.#parts.pane.hear(caption);
    if (caption.final) this.#parts.pane.add(caption);
  }

  async #back() {
    this.#setAway(false);
    Object.assign(this.#visit, { resume: this.#call.resume });
    document.title = this.#title;
    this.#parts.settings.languages({ ...this.#call, language: this.#call.room.language });
    this.#show();
    const before = await transcript(this.#visit.room, this.#visit.token).catch(() => []);
    for (const segment of before) this.#parts.pane.add(entryOf(segment));
  }

  #setAway(away) {
    if (this.#away === away) return;
    this.#away = away;
    this.#parts.status.textContent = away ? "Connection lost. Trying again…" : "";
    this.element.classList.toggle("away", away);
    this.#show();
  }

  #toggle(name) {
    this.#wishes[name] = !this.#wishes[name];
    this.#changed(name);
    if (name === "transcript") this.#turnPane();
  }

  #turnPane() {
    if (this.#wishes.transcript) this.#parts.pane.follow();
    else this.#parts.toolbar.focus("transcript");
  }

  #search() {
    if (!this.#wishes.transcript) this.#toggle("transcript");
    this.#parts.pane.search();
  }

  #changed(name) {
    const { captions, target, language } = this.#wishes;
    if (name === "captions" || name === "target") this.#call.read(captions, target);
    if (name === "captions") this.#parts.settings.show(name);
    if (name === "language") this.#call.speak(language);
    if (name === "theme") document.documentElement.dataset.theme = this.#wishes.theme;
    this.#show();
  }

  async #choose(kind, id) {
    await this.#kit.choose(kind, id);
    if (kind === "speaker") await this.#parts.sound.choose(id);
  }

  async #toggleSound() {
    if (!this.#call.tracks.microphone && !(await this.#open("microphone"))) return;
    const muted = this.#call.tracks.microphone === this.#fresh ? false : !this.#call.wishes.muted;
    this.#fresh = undefined;
    this.#wishes.muted = muted;
    this.#call.mute(muted);
  }

  async #toggleCamera() {
    if (this.#call.tracks.camera) this.#kit.close("camera");
    else await this.#open("camera");
    this.#wishes.pictured = Boolean(this.#call.tracks.camera);
  }

  async #open(kind) {
    const track = await this.#kit.open(kind);
    const problem = this.#kit.trouble ?? this.#kit.problems[kind];
    if (problem) this.#complain(problem);
    this.#fresh = track;
    return track;
  }

  async #toggleScreen() {
    if (this.#call.tracks.screen) {
      await this.#call.put("screen", undefined);
      return;
    }
    try {
      const track = await openScreen();
      track.addEventListener("ended", () => this.#call.put("screen", undefined));
      await this.#call.put("screen", track);
    } catch (error) {
      if (error.name !== "NotAllowedError") this.#complain(ofDevice(error, "screen"));
    }
  }

  async #devices(kind) {
    this.#parts.settings.devices(this.#kit);
    if (kind in this.#kit.tracks) await this.#call.put(kind, this.#kit.tracks[kind]);
  }

  async #copy() {
    const { title } = this.#parts.link;
    try {
      await navigator.clipboard.writeText(location.origin + location.pathname);
      this.#parts.news.textContent = "The link is copied";
      this.#parts.link.classList.add("done");
      setTimeout(() => this.#parts.link.classList.remove("done"), 1500);
    } catch {
      prompt(title, location.origin + location.pathname);
    }
  }

  #askToPlay() {
    const play = () => {
      this.#parts.notices.replaceChildren();
      this.#parts.sound.play();
    };
    const button = h("button", { type: "button", class: "primary", onclick: play }, "Listen");
    const problem = { title: "The browser is waiting for you before it plays sound", remedy: "" };
    this.#parts.notices.replaceChildren(notice(problem, button));
  }

  #complain(problem) {
    const element = notice(problem);
    this.#parts.notices.replaceChildren(element);
    setTimeout(() => element.remove(), PASSING);
  }

  #end({ reason }) {
    this.#ended({ problem: ofEnd(reason), pane: this.#parts.pane });
  }
}
