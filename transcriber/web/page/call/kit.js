/**
 * Our own microphone and camera, from the lobby to the end of the call.
 *
 * A device is open or it has a problem that can be told; which one is used is remembered, and when
 * the devices of the machine change the lists are made anew.
 *
 * Events: `change` with the name of the device.
 */

import { list, open, watch } from "./devices.js";
import { ofDevice, ofPage } from "../model/problems.js";

export class Kit extends EventTarget {
  tracks = { microphone: undefined, camera: undefined };
  problems = { microphone: undefined, camera: undefined };
  choices = { microphone: [], camera: [], speaker: [] };
  #chosen;

  /** `chosen` is remembered: ids of devices by their kind. */
  constructor(chosen) {
    super();
    this.#chosen = chosen;
    watch(() => this.#look());
  }

  /** Why this page cannot have any device, or nothing. */
  get trouble() {
    return ofPage({
      secure: isSecureContext,
      devices: Boolean(navigator.mediaDevices),
      address: location.host,
    });
  }

  /** Which device of a kind is wanted; empty: the browser's choice. */
  chosen(kind) {
    return this.#chosen[kind];
  }

  /** Open a microphone or camera; returns its track, or nothing if there is a problem now. */
  async open(kind) {
    if (this.trouble) return undefined;
    this.close(kind);
    try {
      const track = await open(kind, this.#chosen[kind]);
      track.addEventListener("ended", () => this.#unplugged(kind, track));
      this.tracks[kind] = track;
      this.problems[kind] = undefined;
    } catch (error) {
      this.problems[kind] = ofDevice(error, kind);
    }
    await this.#look();
    this.#tell(kind);
    return this.tracks[kind];
  }

  /** Stop using a microphone or camera. */
  close(kind) {
    this.tracks[kind]?.stop();
    this.tracks[kind] = undefined;
    this.#tell(kind);
  }

  /** Use another device of a kind from now on. */
  async choose(kind, id) {
    this.#chosen[kind] = id;
    if (this.tracks[kind] || this.problems[kind]) await this.open(kind);
    else this.#tell(kind);
  }

  async #unplugged(kind, track) {
    if (this.tracks[kind] === track) await this.open(kind);
  }

  async #look() {
    this.choices = await list();
    this.#tell("choices");
  }

  #tell(kind) {
    this.dispatchEvent(Object.assign(new Event("change"), { detail: kind }));
  }
}
