/** The row of buttons under the picture: everything one does often. */

import { draw, h, icon, update } from "./dom.js";

export class Toolbar {
  #buttons = {};
  #actions;

  /** `actions` are what the buttons do, by their names. */
  constructor(actions) {
    this.#actions = actions;
    this.element = h(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "Call" },
      h("div", { class: "toolbar-group" }, this.#button("microphone", "mic", "Mute"),
        this.#button("camera", "camera", "Camera"), this.#button("screen", "screen", "Share screen")),
      h("div", { class: "toolbar-group" }, this.#button("captions", "captions", "Captions"),
        this.#button("transcript", "transcript", "Transcript"), this.#button("settings", "settings", "Settings")),
      h("div", { class: "toolbar-group" }, this.#button("leave", "leave", "Leave", "danger")),
    );
  }

  /** Show how things are: `{muted, camera, screen, captions, transcript, canCaption, canShare}`. */
  show(state) {
    const { muted, camera, screen } = state;
    this.#set("microphone", { picture: muted ? "mic-off" : "mic", label: muted ? "Unmute" : "Mute", off: muted });
    this.#set("camera", {
      picture: camera ? "camera" : "camera-off", label: camera ? "Camera off" : "Camera on",
    });
    this.#set("screen", { label: screen ? "Stop sharing" : "Share screen", on: screen, hidden: !state.canShare });
    this.#set("captions", { on: state.captions, hidden: !state.canCaption });
    this.#set("transcript", { on: state.transcript });
  }

  /** Put the keyboard on a button. */
  focus(name) {
    this.#buttons[name].focus();
  }

  #button(name, picture, label, style = "") {
    this.#buttons[name] = h(
      "button",
      { type: "button", class: `tool ${style}`, title: label, "data-name": name, onclick: () => this.#actions[name]() },
      icon(picture),
      h("span", { class: "tool-label" }, label),
    );
    return this.#buttons[name];
  }

  #set(name, { picture, label, on, off = false, hidden = false }) {
    const button = this.#buttons[name];
    if (picture) draw(button.firstChild, picture);
    if (label && button.lastChild.textContent !== label) {
      button.lastChild.textContent = label;
      update(button, { title: label });
    }
    button.classList.toggle("off", off);
    update(button, { hidden, "aria-pressed": on === undefined ? undefined : String(on) });
  }
}
