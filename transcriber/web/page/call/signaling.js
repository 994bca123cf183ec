/**
 * The conversation with the server over one WebSocket after another.
 *
 * Who uses it sees one connection that is sometimes away. It comes back by itself: at once when the
 * browser is online again, otherwise after pauses that grow, until it has been away for too long.
 * A browser cannot see the pings of the protocol, so we send our own and take silence for a loss.
 *
 * Events: every message of the server under its type; `away` when the connection is lost; `end`
 * with `{reason}` when it is over. What is sent while away is forgotten: after `ready` the state of
 * the page is told anew.
 */

const PING = 10_000;
const SILENCE = 20_000;
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 8_000;
const PATIENCE = 10 * 60_000;
/** Reasons after which coming back makes sense; all others are meant. */
const RETRIED = new Set(["slow_consumer", "shutdown", "timeout"]);

export class Signaling extends EventTarget {
  #options;
  #open;
  #clock;
  #random;
  #socket;
  #pinging;
  #retry;
  #tries = 0;
  #lostAt;
  #heard = 0;
  #ready = false;
  #over = false;

  /** `options` are what a `join` says; `open` makes the socket, `clock` and `random` are for tests. */
  constructor(options, { open, clock = globalThis, random = Math.random } = {}) {
    super();
    this.#options = { ...options };
    this.#open = open;
    this.#clock = clock;
    this.#random = random;
  }

  /** Whether messages reach the server right now. */
  get ready() {
    return this.#ready;
  }

  /** Enter the room. */
  connect() {
    const socket = this.#open();
    this.#socket = socket;
    this.#heard = this.#now();
    socket.onopen = () => this.#write(socket, { type: "join", ...this.#options });
    socket.onmessage = ({ data }) => this.#receive(socket, data);
    socket.onclose = () => this.#lose(socket);
    this.#pinging = this.#clock.setInterval(() => this.#ping(socket), PING);
  }

  /** Tell the server something; returns whether it was sent. */
  send(message) {
    if (!this.#ready) return false;
    this.#write(this.#socket, message);
    return true;
  }

  /** Do not wait any longer: the browser has a network again. */
  hurry() {
    if (this.#over) return;
    if (this.#ready) this.#write(this.#socket, { type: "ping" });
    if (this.#retry === undefined) return;
    this.#tries = 0;
    this.#again();
  }

  /** Leave the room for good. */
  leave(reason = "left") {
    this.send({ type: "leave" });
    this.#finish(reason);
  }

  #receive(socket, data) {
    if (socket !== this.#socket) return;
    this.#heard = this.#now();
    const message = JSON.parse(data);
    if (message.type === "ready") this.#welcome(message);
    if (message.type === "closed" && !RETRIED.has(message.reason)) this.#finish(message.reason);
    this.#tell(message.type, message);
  }

  #welcome({ resume }) {
    this.#ready = true;
    this.#tries = 0;
    this.#lostAt = undefined;
    this.#options.resume = resume;
    delete this.#options.fresh;
  }

  #ping(socket) {
    if (this.#now() - this.#heard >= SILENCE) this.#lose(socket);
    else if (this.#ready) this.#write(socket, { type: "ping" });
  }

  #lose(socket) {
    if (socket !== this.#socket || this.#over) return;
    this.#drop();
    this.#lostAt ??= this.#now();
    if (this.#now() - this.#lostAt > PATIENCE) {
      this.#finish("lost");
      return;
    }
    this.#retry = this.#clock.setTimeout(() => this.#again(), this.#pause());
    this.#tell("away", { since: this.#lostAt });
  }

  #again() {
    this.#clock.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.connect();
  }

  #pause() {
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#tries);
    this.#tries += 1;
    return longest * (0.5 + this.#random() / 2);
  }

  #finish(reason) {
    if (this.#over) return;
    this.#over = true;
    this.#drop();
    this.#clock.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#tell("end", { reason });
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#ready = false;
    this.#clock.clearInterval(this.#pinging);
    socket?.close();
  }

  #write(socket, message) {
    if (socket.readyState === 1) socket.send(JSON.stringify(message));
  }

  #tell(type, detail) {
    this.dispatchEvent(Object.assign(new Event(type), { detail }));
  }

  #now() {
    return this.#clock.performance.now();
  }
}
