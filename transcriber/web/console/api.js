/**
 * What is asked of the server, with the token of whoever signed in.
 *
 * The token stays in this tab: it is gone when the tab is closed. Who has signed in elsewhere (with
 * an identity provider, in Nextcloud) needs none. Addresses are relative: there may be a proxy.
 */

import { Events } from "./events.js";

const KEY = "transcriber.console";
const DEADLINE = 15_000;
const PAUSES = [500, 1000, 2000, 5000];

/** Milliseconds within which a stream begins, unless something before us keeps it back. */
const BEGINS = 6000;

/** Milliseconds without a word after which a stream is lost: there is one every fifteen seconds. */
const SILENT = 40_000;

/** Milliseconds between two looks where streams do not come through. */
const LOOK = 3000;

/** The server said no; `detail` is in words. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }

  /** Whether another token may help. */
  get unknown() {
    return this.status === 401 || this.status === 403;
  }
}

export class Api {
  #token = sessionStorage.getItem(KEY) ?? "";

  get token() {
    return this.#token;
  }

  /** Use a token from now on; an empty one forgets it. */
  set token(token) {
    this.#token = token;
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  }

  /** What the server answers. */
  async ask(path, { method, body, deadline = DEADLINE } = {}) {
    const response = await this.#fetch(path, { method, body, signal: AbortSignal.timeout(deadline) });
    return response.status === 204 ? undefined : response.json();
  }

  /** A picture that the server draws, as an element. */
  async picture(path) {
    const request = new XMLHttpRequest();
    request.open("GET", `api/v1${path}`);
    for (const [name, value] of Object.entries(this.#headers)) request.setRequestHeader(name, value);
    request.responseType = "document";
    request.timeout = DEADLINE;
    const drawn = await new Promise((resolve, reject) => {
      request.onload = () => (request.status < 300 ? resolve(request.responseXML) : reject(new Refused(request.status, "There is no picture.")));
      request.onerror = request.ontimeout = () => reject(new Refused(0, "The server does not answer."));
      request.send();
    });
    return document.importNode(drawn.documentElement, true);
  }

  /** A file that the server keeps, as text. */
  async text(path) {
    const response = await this.#fetch(path, { signal: AbortSignal.timeout(DEADLINE) });
    return response.text();
  }

  /** One page of a list of the server: `{items, next_cursor}`. */
  page(path, { limit = 50, cursor } = {}) {
    const [place, query] = path.split("?");
    const asked = new URLSearchParams(query);
    asked.set("limit", limit);
    if (cursor) asked.set("cursor", cursor);
    return this.ask(`${place}?${asked}`);
  }

  /** Everything in a list of the server, page after page. */
  async list(path) {
    const items = [];
    let cursor;
    do {
      const page = await this.page(path, { limit: 200, cursor });
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return items;
  }

  /** Call `heard` with every event of a stream, until it ends; `alive` at each sign of life. */
  async read(path, heard, { signal, alive }) {
    const response = await this.#fetch(path, { signal });
    const events = new Events();
    const decoder = new TextDecoderStream();
    for await (const text of chunks(response.body.pipeThrough(decoder))) {
      alive();
      for (const event of events.feed(text)) heard(event);
    }
  }

  /**
   * The same for ever: `state` learns whether the stream is there. Raises if we may not read it.
   * Where something before us keeps streams back, as some proxies do, it is looked at again and again.
   */
  async follow(path, heard, { signal, state }) {
    let flows = true;
    for (let tries = 0; !signal.aborted; tries += 1) {
      const [late, news] = [new AbortController(), { any: false }];
      let patience = setTimeout(() => late.abort(), flows ? BEGINS : DEADLINE);
      const alive = () => {
        clearTimeout(patience);
        patience = setTimeout(() => late.abort(), SILENT);
      };
      try {
        await this.read(flows ? path : `${path}?once=true`, (event) => {
          news.any = true;
          tries = 0;
          state(true);
          heard(event);
        }, { signal: AbortSignal.any([signal, late.signal]), alive });
      } catch (error) {
        if (error.unknown || signal.aborted) throw error;
      }
      clearTimeout(patience);
      if (flows || !news.any) state(false);
      flows = flows ? news.any || !late.signal.aborted : !news.any;
      const pause = flows ? PAUSES[Math.min(tries, PAUSES.length - 1)] : LOOK;
      await new Promise((wake) => setTimeout(wake, pause));
    }
  }

  /** Whoever is known without a token has to say that what they change is meant. */
  get #headers() {
    return this.#token ? { Authorization: `Bearer ${this.#token}` } : { "X-Requested-With": "console" };
  }

  async #fetch(path, { method = "GET", body, signal }) {
    const headers = this.#headers;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(`api/v1${path}`, { method, headers, body: body && JSON.stringify(body), signal });
    } catch (error) {
      if (signal?.aborted && error.name === "AbortError") throw error;
      throw new Refused(0, "The server does not answer.");
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new Refused(response.status, problem.detail ?? problem.error ?? `The server says: ${response.status}`);
  }
}

async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
