import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Clock } from "./clock.mjs";

globalThis.sessionStorage = { getItem: () => null };
const { Api } = await import("../../../../transcriber/web/console/api.js");

const NEWS = new TextEncoder().encode("event: rooms\ndata: []\n\n");
const BEAT = new TextEncoder().encode(": still here\n\n");

let asked;
let states;
let leaving;
let clock;

/** Let everything happen that waits for no clock. */
async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
}

async function pass(milliseconds) {
  clock.pass(milliseconds);
  await settle();
}

/** A server whose streams begin, or do not; one that is asked `once` ends what it says. */
async function follow({ begins }) {
  globalThis.fetch = async (path, { signal }) => {
    const once = path.endsWith("?once=true");
    let stream;
    const body = new ReadableStream({ start: (controller) => (stream = controller) });
    signal.addEventListener("abort", () => once || stream.error(signal.reason));
    asked.push({ once, say: (words) => stream.enqueue(words) });
    if (begins || once) stream.enqueue(NEWS);
    if (once) stream.close();
    return new Response(body);
  };
  const about = { signal: leaving.signal, state: (there) => states.push(there) };
  new Api().follow("/console/stream", () => {}, about).catch(() => {});
  await settle();
}

beforeEach(() => {
  [asked, states, leaving, clock] = [[], [], new AbortController(), new Clock()];
  globalThis.setTimeout = (call, after) => clock.setTimeout(call, after);
  globalThis.clearTimeout = (id) => clock.clearTimeout(id);
});

afterEach(() => leaving.abort());

test("a stream that falls silent is lost, and asked for again", async () => {
  await follow({ begins: true });
  await pass(39_000);
  asked[0].say(BEAT);
  await settle();
  await pass(39_000);
  assert.deepEqual([asked.length, states.at(-1)], [1, true]);
  await pass(1_000);
  assert.equal(states.at(-1), false);
  await pass(500);
  assert.deepEqual([asked.length, asked[1].once, states.at(-1)], [2, false, true]);
});

test("where streams do not come through, it is looked at again and again", async () => {
  await follow({ begins: false });
  await pass(6_000);
  await pass(3_000);
  await pass(3_000);
  assert.deepEqual(asked.map(({ once }) => once), [false, true, true]);
  assert.equal(states.at(-1), true);
});
