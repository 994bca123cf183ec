/**
 * Who is in the room, what they send and how they are: a server's messages become one picture.
 *
 * The picture is thrown away and drawn anew by every `ready`; colours and the order of first
 * appearance are kept, so nobody changes place or colour because a connection was lost.
 */

/** How many colours there are for people; the style sheet knows them by number. */
export const COLOURS = 10;

export class Roster {
  me = "";
  #name;
  #people = new Map();
  #colours = new Map();

  /** `name` is ours: the server tells only of others. */
  constructor(name = "") {
    this.#name = name;
  }

  /** Everybody, in the order in which they were first seen. */
  get people() {
    return [...this.#people.values()];
  }

  /** Everybody but us. */
  get others() {
    return this.people.filter((person) => person.id !== this.me);
  }

  person(id) {
    return this.#people.get(id);
  }

  /** A number for the colour of a participant, also of one who has left. */
  colour(id) {
    if (!this.#colours.has(id)) this.#colours.set(id, this.#colours.size % COLOURS);
    return this.#colours.get(id);
  }

  /** Take in a message; returns whether the picture changed. */
  apply(message) {
    const change = this[`_${message.type.replace(".", "_")}`];
    return change ? change.call(this, message) !== false : false;
  }

  _ready({ participant_id, participants }) {
    const before = this.#people;
    this.me = participant_id;
    this.#people = new Map();
    const known = participants.filter(({ id }) => before.has(id));
    const fresh = participants.filter(({ id }) => !before.has(id));
    known.sort((one, other) => place(before, one.id) - place(before, other.id));
    this.#enter({ id: this.me, name: this.#name });
    for (const participant of [...known, ...fresh]) this.#enter(participant);
  }

  _joined({ participant }) {
    this.#enter(participant);
  }

  _left({ participant_id }) {
    return this.#people.delete(participant_id);
  }

  _track_published({ participant_id, track }) {
    const person = this.#people.get(participant_id);
    if (!person) return false;
    person.tracks.set(track.id, { muted: false, ...track });
  }

  _track_unpublished({ participant_id, track_id }) {
    return this.#people.get(participant_id)?.tracks.delete(track_id) ?? false;
  }

  _muted({ participant_id, track_id, muted }) {
    const track = this.#people.get(participant_id)?.tracks.get(track_id);
    if (!track) return false;
    track.muted = muted;
  }

  _speakers({ speakers }) {
    const levels = new Map(speakers.map((one) => [one.participant_id, one.level_dbov]));
    for (const person of this.#people.values()) person.level = levels.get(person.id);
  }

  _quality({ participant_id, score }) {
    const person = this.#people.get(participant_id);
    if (!person) return false;
    person.quality = score;
  }

  /** What is sent to us of a picture: nothing while our connection is too slow for it. */
  _layer({ track_id, layer }) {
    const track = this.people.map(({ tracks }) => tracks.get(track_id)).find(Boolean);
    const held = layer === "off";
    if (!track || Boolean(track.held) === held) return false;
    track.held = held;
  }

  #enter({ id, name, tracks = [], quality }) {
    this.colour(id);
    const own = new Map(tracks.map((track) => [track.id, { ...track }]));
    this.#people.set(id, { id, name, tracks: own, level: undefined, quality });
  }
}

/** The first track of a person from a source, if they send one. */
export function trackOf(person, source) {
  return [...person.tracks.values()].find((track) => track.source === source);
}

/** Whether a person cannot be heard because they want so, or send no sound at all. */
export function silent(person) {
  return trackOf(person, "microphone")?.muted ?? true;
}

/** One or two letters that stand for a name. */
export function initials(name) {
  const words = name.split(/[\s\-_.]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.map((word) => [...word].find((letter) => /[\p{L}\p{N}]/u.test(letter)));
  const chosen = letters.length > 1 ? [letters[0], letters.at(-1)] : letters;
  return chosen.join("").toUpperCase() || "?";
}

function place(people, id) {
  return [...people.keys()].indexOf(id);
}
