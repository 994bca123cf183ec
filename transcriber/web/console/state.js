/** What the console knows, put together from the stream. */

/** Lines of the log that are kept. */
const LINES = 1000;

export class State {
  connected = false;
  overview = { version: "", started_at: "", store: "", settings: [], scopes: {}, gpu: false };
  state = { engine: "", recognisers: [], voices: [], unready: "" };
  rooms = new Map();
  log = [];

  /** Take in an event of the stream; returns what changed. */
  apply({ event, data }) {
    if (event === "rooms") this.rooms = new Map(data.map((room) => [room.room, room]));
    if (event === "changed") this.#change(data);
    if (event === "log") this.#append(data);
    if (event === "state") this.state = data;
    return event === "changed" ? "rooms" : event;
  }

  /** Everybody in all rooms. */
  get people() {
    return [...this.rooms.values()].flatMap((room) => room.people);
  }

  #change({ rooms, gone }) {
    for (const name of gone) this.rooms.delete(name);
    for (const room of rooms) this.rooms.set(room.room, room);
  }

  /** A server that was started again counts its lines anew. */
  #append(lines) {
    const last = this.log.at(-1)?.number ?? 0;
    if (lines[0].number === 1 && last >= 1) this.log = [];
    const news = lines.filter(({ number }) => number > (this.log.at(-1)?.number ?? 0));
    this.log = [...this.log, ...news].slice(-LINES);
  }
}

/** How long ago a moment was, in words. */
export function ago(moment, now) {
  const seconds = Math.max(0, Math.round((now - new Date(moment)) / 1000));
  const steps = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = steps.find(([step]) => seconds >= step) ?? steps.at(-1);
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** When a moment was, by the clock. */
export function clock(moment) {
  return new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** What a recogniser's or voice's state is: `[word, kind]`. */
export function health({ usable, unusable, state }) {
  if (!usable) return [unusable, "off"];
  if (!state) return ["not loaded", "idle"];
  if (state.up) return ["works", "good"];
  const retry = state.retry_in ? `, next try in ${Math.ceil(state.retry_in)} s` : "";
  return [`down: ${state.code || "no answer"} (${state.failures} times)${retry}`, "bad"];
}
