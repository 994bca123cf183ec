/**
 * What we send: one connection, on which every source keeps its place.
 *
 * A camera that is switched off leaves an empty place and no light at the device; switched on
 * again it takes the same one. Only one offer is on its way at a time; what changes meanwhile goes
 * into the next one.
 */

import { Trickle } from "./trickle.js";

const SIMULCAST = [
  { rid: "low", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "mid", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "high", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
const ENCODINGS = {
  microphone: undefined,
  camera: SIMULCAST,
  screen: [{ maxBitrate: 2_500_000, maxFramerate: 15 }],
};

export class Publisher {
  #connection;
  #trickle;
  #send;
  #failed;
  #places = new Map();
  #ids = new Map();
  #busy = false;
  #again = false;

  /** `send` tells the server something, `changed` learns the state, `failed` why it did not work. */
  constructor({ servers, send, changed, failed }) {
    this.#send = send;
    this.#failed = failed;
    this.#connection = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
    this.#trickle = new Trickle(this.#connection);
    this.#connection.onicecandidate = ({ candidate }) =>
      send({ type: "candidate", peer: "publish", candidate: candidate?.toJSON() ?? null });
    this.#connection.onconnectionstatechange = () => changed(this.#connection.connectionState);
  }

  /** The server's name for what we send from a source, once it has one. */
  id(source) {
    return this.#ids.get(source);
  }

  /** Send a track from a source, or nothing. */
  async put(source, track) {
    const place = this.#places.get(source);
    if (!place && !track) return;
    if (!place) this.#places.set(source, this.#place(source, track));
    else await this.#replace(place, track);
    await this.negotiate();
  }

  /** Agree with the server on what is sent; `fresh` looks for new ways through the network. */
  async negotiate({ fresh = false } = {}) {
    if (!this.#places.size) return;
    if (fresh) this.#connection.restartIce();
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      await this.#connection.setLocalDescription(await this.#connection.createOffer());
      const { sdp } = this.#connection.localDescription;
      this.#busy = this.#send({ type: "publish", sdp, tracks: this.#tracks() });
    } catch (error) {
      this.#busy = false;
      if (this.#connection.signalingState !== "closed") this.#failed(error);
    }
  }

  /** The server agrees. */
  async published({ sdp, tracks }) {
    await this.#connection.setRemoteDescription({ type: "answer", sdp });
    const ids = new Map(tracks.map(({ mid, track_id }) => [mid, track_id]));
    for (const [source, { mid }] of this.#places) this.#ids.set(source, ids.get(mid));
    await this.#trickle.release();
    await this.#next();
  }

  /** The server refused an offer, or nobody knows what became of it. */
  async forget() {
    await this.#next();
  }

  /** A candidate of the server. */
  async candidate(candidate) {
    await this.#trickle.add(candidate);
  }

  close() {
    this.#connection.close();
  }

  async #next() {
    this.#busy = false;
    if (!this.#again) return;
    this.#again = false;
    await this.negotiate();
  }

  #place(source, track) {
    return this.#connection.addTransceiver(track, {
      direction: "sendonly",
      streams: [new MediaStream([track])],
      ...(ENCODINGS[source] && { sendEncodings: ENCODINGS[source] }),
    });
  }

  async #replace(place, track) {
    await place.sender.replaceTrack(track);
    place.direction = track ? "sendonly" : "inactive";
  }

  #tracks() {
    return [...this.#places]
      .filter(([, place]) => place.direction === "sendonly")
      .map(([source, { mid }]) => ({ mid, kind: kind(source), source }));
  }
}

function kind(source) {
  return source === "microphone" ? "audio" : "video";
}
