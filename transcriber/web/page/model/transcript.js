/**
 * Everything that was said, in the order in which it was begun.
 *
 * People who talk at the same time end their sentences out of that order, and who comes late gets
 * what was said before in one piece: entries find their place by their time, and the same
 * utterance is never there twice.
 */

export class Transcript {
  #entries = [];
  #known = new Set();

  /** All entries: `{id, participant_id, name, text, language, start_ms, end_ms, at}`. */
  get entries() {
    return this.#entries;
  }

  /** Put an entry where it belongs; returns its index, or -1 if it is there already. */
  add(entry) {
    const names = [entry.id, `${entry.name}@${entry.start_ms}`].filter(Boolean);
    if (names.some((name) => this.#known.has(name)) || !entry.text.trim()) return -1;
    for (const name of names) this.#known.add(name);
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1].start_ms > entry.start_ms) at -= 1;
    this.#entries.splice(at, 0, entry);
    return at;
  }

  /** Whether the entry at an index needs its speaker's name: somebody else spoke before. */
  begins(index) {
    const [before, entry] = [this.#entries[index - 1], this.#entries[index]];
    return !before || before.participant_id !== entry.participant_id || before.name !== entry.name;
  }
}

/** An entry made of a segment of the server's JSON transcript. */
export function entryOf(segment) {
  const start_ms = Math.round(segment.start * 1000);
  return {
    id: segment.id ?? `${segment.speaker}@${start_ms}`,
    participant_id: segment.participant_id ?? segment.speaker,
    name: segment.speaker,
    text: segment.text,
    language: segment.language,
    start_ms,
    end_ms: Math.round(segment.end * 1000),
    at: segment.at,
  };
}
