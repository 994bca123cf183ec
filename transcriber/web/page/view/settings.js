/** Wishes of one person: captions, devices, looks. */

import { choices } from "../model/languages.js";
import { h, iconButton, offer, select, update } from "./dom.js";
import { SHORTCUTS } from "./shortcuts.js";

const SIZES = [["small", "Small"], ["medium", "Medium"], ["large", "Large"], ["huge", "Huge"]];
const THEMES = [["system", "System"], ["light", "Light"], ["dark", "Dark"]];
const DEVICES = { microphone: "Microphone", camera: "Camera", speaker: "Loudspeaker" };
const SPOKEN = { value: "", label: "As spoken" };

export class Settings {
  #wishes;
  #changed;
  #choose;
  #fields = {};

  /** `changed` gets the name of a wish that changed; `choose` gets `(kind, id)` of a device. */
  constructor({ wishes, changed, choose }) {
    this.#wishes = wishes;
    this.#changed = changed;
    this.#choose = choose;
    this.element = this.#draw();
  }

  open() {
    this.element.showModal();
  }

  /** Offer the languages that the room has. */
  languages({ languages, targets, language }) {
    const { language: spoken, target } = this.#fields;
    const known = languages.some(({ code }) => code === this.#wishes.language);
    offer(spoken.element, choices(languages), known ? this.#wishes.language : language);
    offer(target.element, [SPOKEN, ...choices(targets)], this.#wishes.target);
    update(target.field, { hidden: !targets.length });
    update(spoken.field, { hidden: languages.length < 2 });
  }

  /** Offer the devices that there are. */
  devices(kit) {
    for (const kind of Object.keys(DEVICES)) {
      const { field, element } = this.#fields[kind];
      const options = kit.choices[kind].map(({ id, label }) => ({ value: id, label }));
      offer(element, options, kit.tracks[kind]?.getSettings().deviceId ?? kit.chosen(kind));
      update(field, { hidden: !options.length });
    }
  }

  #draw() {
    const close = () => this.element.close();
    return h(
      "dialog",
      { class: "settings", "aria-labelledby": "settings-title", onclick: (event) => outside(event, close) },
      h(
        "div",
        { class: "settings-sheet" },
        h("header", { class: "settings-head" }, h("h2", { id: "settings-title" }, "Settings"),
          iconButton("close", "Close", { class: "quiet square", onclick: close })),
        group("Captions", this.#switch("captions", "Show captions"), this.#language(), this.#target(),
          this.#segments("size", "Size of captions", SIZES)),
        group("Devices", ...Object.keys(DEVICES).map((kind) => this.#device(kind))),
        group("This page", this.#segments("theme", "Appearance", THEMES),
          this.#switch("shortcuts", "Keys of one letter"), keys()),
      ),
    );
  }

  #language() {
    return this.#select("language", "I speak", []);
  }

  #target() {
    return this.#select("target", "Read captions in", [SPOKEN]);
  }

  #select(name, label, options) {
    const changed = (value) => this.#set(name, value);
    this.#fields[name] = select(label, { options, value: this.#wishes[name], changed });
    return this.#fields[name].field;
  }

  #device(kind) {
    const changed = (id) => this.#choose(kind, id);
    this.#fields[kind] = select(DEVICES[kind], { options: [], value: "", changed });
    return this.#fields[kind].field;
  }

  #switch(name, label) {
    const box = h("input", {
      type: "checkbox", role: "switch", onchange: () => this.#set(name, box.checked),
    });
    box.checked = this.#wishes[name];
    this.#fields[name] = box;
    return h("label", { class: "switch" }, h("span", {}, label), box);
  }

  #segments(name, label, options) {
    const one = ([value, text]) => {
      const radio = h("input", { type: "radio", name, value, onchange: () => this.#set(name, value) });
      radio.checked = this.#wishes[name] === value;
      return h("label", {}, radio, h("span", {}, text));
    };
    const id = `settings-${name}`;
    return h("div", { class: "field" }, h("span", { id }, label),
      h("div", { class: "segments", role: "radiogroup", "aria-labelledby": id }, options.map(one)));
  }

  /** Show a wish that was changed elsewhere. */
  show(name) {
    this.#fields[name].checked = this.#wishes[name];
  }

  #set(name, value) {
    this.#wishes[name] = value;
    this.#changed(name);
  }
}

function group(title, ...fields) {
  return h("section", { class: "settings-group" }, h("h3", {}, title), ...fields);
}

function keys() {
  const rows = SHORTCUTS.map(({ key, does }) => h("li", {}, h("kbd", {}, key.toUpperCase()), does));
  return h("ul", { class: "keys" }, rows);
}

function outside(event, close) {
  if (event.target === event.currentTarget) close();
}
