/** Before the door: who one is, how one looks and sounds, and the way in. */

import { Meter } from "../call/meter.js";
import { initials } from "../model/roster.js";
import { draw, h, icon, iconButton, offer, select, update } from "./dom.js";
import { notice } from "./notice.js";

const LABELS = { microphone: "Microphone", camera: "Camera", speaker: "Loudspeaker" };

export class Lobby {
  #kit;
  #wishes;
  #enter;
  #meter;
  #measured;
  #leaving = new AbortController();
  #parts = {};

  /** `enter` gets `{name, room}` and may raise a `Refused`; `invited` says that there is a room. */
  constructor({ kit, wishes, invited, enter }) {
    this.#kit = kit;
    this.#wishes = wishes;
    this.#enter = enter;
    this.element = this.#draw(invited);
    kit.addEventListener("change", () => this.#show(), { signal: this.#leaving.signal });
    this.#show();
    this.#start();
  }

  /** Stop listening; the devices stay open for the call. */
  close() {
    this.#leaving.abort();
    this.#meter?.stop();
    this.element.remove();
  }

  /** Tell a problem above the form. */
  complain(problem) {
    this.#parts.problems.replaceChildren(notice(problem));
  }

  async #start() {
    await this.#kit.open("microphone");
    if (this.#wishes.pictured) await this.#kit.open("camera");
  }

  #draw(invited) {
    return h(
      "main",
      { class: "lobby" },
      h(
        "div",
        { class: "lobby-card" },
        this.#drawPreview(),
        h(
          "div",
          { class: "lobby-side" },
          h("p", { class: "brand" }, h("span", { class: "brand-mark" }, icon("captions")), "Rooms"),
          h("h1", {}, invited ? "Come in" : "Open a room"),
          h("p", { class: "lead" }, lead(invited)),
          this.#drawForm(invited),
        ),
      ),
    );
  }

  #drawPreview() {
    const parts = this.#parts;
    parts.video = h("video", { muted: true, autoplay: true, playsinline: true, class: "mirrored" });
    parts.video.muted = true;
    parts.avatar = h("span", { class: "avatar speaker-0", "aria-hidden": "true" });
    parts.microphone = iconButton("mic", "Mute", { class: "round", onclick: () => this.#toggleSound() });
    parts.camera = iconButton("camera", "Camera", { class: "round", onclick: () => this.#toggleCamera() });
    parts.meter = h("meter", { class: "level", min: 0, max: 1, "aria-label": "Level of the microphone" });
    parts.hint = h("p", { class: "hint" });
    return h(
      "section",
      { class: "preview", "aria-label": "Preview" },
      h(
        "div",
        { class: "picture" },
        parts.video,
        parts.avatar,
        h("div", { class: "picture-buttons" }, parts.microphone, parts.camera),
      ),
      h("div", { class: "sound" }, icon("mic"), parts.meter),
      parts.hint,
    );
  }

  #drawForm(invited) {
    const parts = this.#parts;
    parts.name = h("input", {
      name: "name", required: true, maxlength: 60, autocomplete: "name", value: this.#wishes.name,
      placeholder: "How others see you", oninput: () => this.#showAvatar(),
    });
    parts.room = h("input", {
      name: "room", maxlength: 80, autocomplete: "off", placeholder: "Stand-up, lecture, ...",
    });
    parts.join = h("button", { class: "primary", type: "submit" }, invited ? "Join" : "Open the room");
    parts.problems = h("div", { class: "problems", role: "alert" });
    return h(
      "form",
      { class: "form", onsubmit: (event) => this.#submit(event) },
      parts.problems,
      h("label", { class: "field" }, h("span", {}, "Your name"), parts.name),
      !invited && h("label", { class: "field" }, h("span", {}, "Name of the room"), parts.room),
      this.#drawDevices(),
      parts.join,
    );
  }

  #drawDevices() {
    const fields = Object.keys(LABELS).map((kind) => {
      const changed = (id) => this.#kit.choose(kind, id);
      const { field, element } = select(LABELS[kind], { options: [], changed });
      this.#parts[`${kind}Choice`] = element;
      this.#parts[`${kind}Field`] = field;
      return field;
    });
    return h("details", { class: "more" }, h("summary", {}, "Devices"), h("div", { class: "fields" }, fields));
  }

  async #submit(event) {
    event.preventDefault();
    const { name, room, join, problems } = this.#parts;
    this.#wishes.name = name.value.trim();
    update(join, { "aria-busy": true, disabled: true });
    problems.replaceChildren();
    try {
      await this.#enter({ name: this.#wishes.name, room: room.value.trim() });
    } catch (error) {
      if (!error.problem) throw error;
      this.complain(error.problem);
    } finally {
      update(join, { "aria-busy": false, disabled: false });
    }
  }

  async #toggleSound() {
    if (!this.#kit.tracks.microphone) {
      await this.#kit.open("microphone");
      return;
    }
    this.#wishes.muted = !this.#wishes.muted;
    this.#show();
  }

  async #toggleCamera() {
    if (this.#kit.tracks.camera) this.#kit.close("camera");
    else await this.#kit.open("camera");
    this.#wishes.pictured = Boolean(this.#kit.tracks.camera);
  }

  #show() {
    const { tracks, choices } = this.#kit;
    const heard = Boolean(tracks.microphone) && !this.#wishes.muted;
    const { microphone, camera, video } = this.#parts;
    press(microphone, { on: heard, name: "mic", label: heard ? "Mute" : "Unmute" });
    press(camera, { on: tracks.camera, name: "camera", label: tracks.camera ? "Camera off" : "Camera on" });
    microphone.classList.toggle("off", !heard);
    if (tracks.camera !== video.srcObject?.getTracks()[0]) {
      video.srcObject = tracks.camera ? new MediaStream([tracks.camera]) : null;
    }
    update(video, { hidden: !tracks.camera });
    for (const kind of Object.keys(LABELS)) this.#showChoices(kind, choices[kind]);
    this.#showAvatar();
    this.#showLevel(heard ? tracks.microphone : undefined);
    this.#showProblems();
  }

  #showChoices(kind, found) {
    const options = found.map(({ id, label }) => ({ value: id, label }));
    const used = this.#kit.tracks[kind]?.getSettings().deviceId ?? this.#kit.chosen(kind);
    offer(this.#parts[`${kind}Choice`], options, used);
    update(this.#parts[`${kind}Field`], { hidden: !options.length });
  }

  #showAvatar() {
    const { avatar, name } = this.#parts;
    update(avatar, { hidden: Boolean(this.#kit.tracks.camera) });
    avatar.textContent = name.value.trim() ? initials(name.value) : "";
    if (!avatar.textContent) avatar.append(icon("people"));
  }

  #showLevel(track) {
    if (this.#measured === track) return;
    this.#measured = track;
    this.#meter?.stop();
    this.#parts.meter.value = 0;
    const show = (level) => (this.#parts.meter.value = level);
    this.#meter = track && new Meter(track, show);
  }

  #showProblems() {
    const { hint } = this.#parts;
    const { trouble, problems, tracks } = this.#kit;
    const found = [trouble, problems.microphone, problems.camera].filter(Boolean);
    hint.replaceChildren(...found.map((problem) => notice(problem)));
    if (found.length) return;
    const advice = this.#wishes.muted ? "You are muted." : "Say something: the bar should move.";
    hint.textContent = tracks.microphone ? advice : "Waiting for the microphone: please allow it.";
  }
}

function lead(invited) {
  return invited
    ? "Talk, and read what everybody says as it is said."
    : "Talk with others in the browser, and read what everybody says as it is said.";
}

function press(button, { on, name, label }) {
  update(button, { "aria-label": label, title: label });
  draw(button.firstChild, on ? name : `${name}-off`);
}
