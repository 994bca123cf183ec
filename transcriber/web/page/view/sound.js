/**
 * What others say, made audible: one player for each track.
 *
 * Browsers play nothing before somebody has touched the page; then `blocked` is called, and `play`
 * from a click makes it good.
 */

export class Sound {
  #players = new Map();
  #blocked;
  #speaker = "";

  constructor(blocked) {
    this.#blocked = blocked;
  }

  /** Play exactly these tracks: `[[id, media]]`. */
  show(tracks) {
    const wanted = new Map(tracks);
    for (const [id, player] of this.#players) {
      if (wanted.get(id) === player.srcObject.getTracks()[0]) continue;
      player.srcObject = null;
      this.#players.delete(id);
    }
    for (const [id, media] of wanted) if (!this.#players.has(id)) this.#add(id, media);
  }

  /** Start what the browser did not want to play by itself. */
  async play() {
    await Promise.all([...this.#players.values()].map((player) => this.#start(player)));
  }

  /** Play through another loudspeaker, where browsers can. */
  async choose(speaker) {
    this.#speaker = speaker;
    await Promise.all([...this.#players.values()].map((player) => this.#route(player)));
  }

  close() {
    this.show([]);
  }

  #add(id, media) {
    const player = new Audio();
    player.srcObject = new MediaStream([media]);
    this.#players.set(id, player);
    this.#route(player);
    this.#start(player);
  }

  async #start(player) {
    try {
      await player.play();
    } catch (error) {
      if (error.name === "NotAllowedError") this.#blocked();
    }
  }

  async #route(player) {
    if (!this.#speaker || !player.setSinkId) return;
    try {
      await player.setSinkId(this.#speaker);
    } catch (error) {
      console.warn("the loudspeaker cannot be used", error);
    }
  }
}
