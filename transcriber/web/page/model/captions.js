/**
 * What stands on the screen right now.
 *
 * An utterance keeps its line while it grows and for as long after its end as it takes to read.
 * Lines stand in the order in which they were begun, and the newest push the oldest out: an eye
 * that follows one line never sees it jump past another.
 */

/** Milliseconds a line stays that nobody ends: its speaker is gone. */
const FORGOTTEN = 15_000;
/** Milliseconds a finished line stays at least, and for each of its characters. */
const LINGER = 3_000;
const READING = 55;
const LONGEST = 9_000;

export class Captions {
  #lines = new Map();
  #most;

  constructor({ most = 3 } = {}) {
    this.#most = most;
  }

  /** Take in a caption of the server at a moment in milliseconds. */
  show(caption, now) {
    const before = this.#lines.get(caption.id);
    if (before?.final && !caption.final) return;
    this.#lines.set(caption.id, { ...caption, until: until(caption, now) });
    this.#tidy(now);
  }

  /** The lines to be seen at a moment, the oldest first. */
  visible(now) {
    this.#tidy(now);
    return [...this.#lines.values()];
  }

  /** When the next line goes away, or nothing if there is none. */
  get changes() {
    const ends = [...this.#lines.values()].map((line) => line.until);
    return ends.length ? Math.min(...ends) : undefined;
  }

  /** Take everything off the screen. */
  clear() {
    this.#lines.clear();
  }

  #tidy(now) {
    for (const [id, line] of this.#lines) if (line.until <= now) this.#lines.delete(id);
    const excess = [...this.#lines.keys()].slice(0, -this.#most);
    for (const id of excess) this.#lines.delete(id);
  }
}

function until({ final, text }, now) {
  if (!final) return now + FORGOTTEN;
  return now + Math.min(LONGEST, LINGER + READING * text.length);
}
