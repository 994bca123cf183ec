/** Candidates of the other side wait until the connection knows what they belong to. */

export class Trickle {
  #connection;
  #waiting = [];
  #open = false;

  constructor(connection) {
    this.#connection = connection;
  }

  /** Give the connection a candidate, now or as soon as it can take it. */
  async add(candidate) {
    if (!this.#open) this.#waiting.push(candidate);
    else await this.#give(candidate);
  }

  /** The connection knows the other side's description now. */
  async release() {
    this.#open = true;
    for (const candidate of this.#waiting.splice(0)) await this.#give(candidate);
  }

  async #give(candidate) {
    try {
      await this.#connection.addIceCandidate(candidate);
    } catch (error) {
      console.warn("a candidate does not fit; it belongs to an earlier attempt", error);
    }
  }
}
