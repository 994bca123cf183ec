/**
 * What we receive: one connection, on which the server says what comes.
 *
 * The server makes the offers, and each names the tracks by their place; a browser only knows
 * places. So a stream is told to others as `(track of the server, media track)`.
 */

import { Trickle } from "./trickle.js";

export class Subscriber {
  #connection;
  #trickle;
  #send;
  #received;
  #offers = Promise.resolve();
  #media = new Map();

  /** `received` learns the media of every track by the server's id whenever that changes. */
  constructor({ servers, send, received, changed }) {
    this.#send = send;
    this.#received = received;
    this.#connection = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
    this.#trickle = new Trickle(this.#connection);
    this.#connection.onicecandidate = ({ candidate }) =>
      send({ type: "candidate", peer: "subscribe", candidate: candidate?.toJSON() ?? null });
    this.#connection.onconnectionstatechange = () => changed(this.#connection.connectionState);
  }

  /** Answer an offer; one after the other, in the order in which they came. */
  offered(offer) {
    this.#offers = this.#offers.then(() => this.#answer(offer)).catch(complain);
    return this.#offers;
  }

  /** A candidate of the server. */
  async candidate(candidate) {
    await this.#trickle.add(candidate);
  }

  close() {
    this.#connection.close();
  }

  async #answer({ sdp, revision, tracks }) {
    if (this.#connection.signalingState === "closed") return;
    await this.#connection.setRemoteDescription({ type: "offer", sdp });
    await this.#connection.setLocalDescription(await this.#connection.createAnswer());
    this.#send({ type: "answer", sdp: this.#connection.localDescription.sdp, revision });
    this.#match(tracks);
    await this.#trickle.release();
  }

  #match(tracks) {
    const places = new Map(this.#connection.getTransceivers().map((place) => [place.mid, place]));
    const media = new Map();
    for (const track of tracks) {
      const place = places.get(track.mid);
      if (place) media.set(track.track_id, place.receiver.track);
    }
    this.#media = media;
    this.#received(media);
  }

  /** The media of the server's tracks by their id. */
  get media() {
    return this.#media;
  }
}

function complain(error) {
  console.error("an offer of the server could not be answered", error);
}
