import assert from "node:assert/strict";
import { test } from "node:test";
import { Signaling } from "../../../../transcriber/web/page/call/signaling.js";
import { Clock } from "./clock.mjs";

class Socket {
  readyState = 0;
  sent = [];
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  opens() {
    this.readyState = 1;
    this.onopen();
  }
  says(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  breaks() {
    this.readyState = 3;
    this.onclose();
  }
}

function talk(options = {}) {
  const [clock, sockets, events] = [new Clock(), [], []];
  const open = () => sockets[sockets.push(new Socket()) - 1];
  const signaling = new Signaling({ token: "t", name: "Ann", ...options }, { open, clock, random: () => 1 });
  for (const type of ["ready", "away", "end", "caption"]) {
    signaling.addEventListener(type, ({ detail }) => events.push([type, detail]));
  }
  signaling.connect();
  return { signaling, clock, sockets, events, types: () => events.map(([type]) => type) };
}

function joined(options) {
  const all = talk(options);
  all.sockets[0].opens();
  all.sockets[0].says({ type: "ready", resume: "secret" });
  return all;
}

test("it joins and tells what the server says", () => {
  const { sockets, events, signaling } = joined();
  assert.deepEqual(sockets[0].sent, [{ type: "join", token: "t", name: "Ann" }]);
  sockets[0].says({ type: "caption", text: "hello" });
  assert.equal(events[1][1].text, "hello");
  assert.ok(signaling.ready);
});

test("nothing is sent before the server is ready", () => {
  const { sockets, signaling } = talk();
  sockets[0].opens();
  assert.equal(signaling.send({ type: "mute" }), false);
  sockets[0].says({ type: "ready", resume: "secret" });
  assert.equal(signaling.send({ type: "mute" }), true);
  assert.equal(sockets[0].sent.at(-1).type, "mute");
});

test("a lost connection comes back as the same person", () => {
  const { sockets, clock, types } = joined({ resume: "old", fresh: true });
  assert.deepEqual(sockets[0].sent[0].fresh, true);
  sockets[0].breaks();
  clock.pass(300);
  sockets[1].opens();
  assert.deepEqual(sockets[1].sent[0], { type: "join", token: "t", name: "Ann", resume: "secret" });
  sockets[1].says({ type: "ready", resume: "newer" });
  assert.deepEqual(types(), ["ready", "away", "ready"]);
});

test("pauses grow, and after ten minutes it gives up", () => {
  const { sockets, clock, events, types } = joined();
  sockets[0].breaks();
  const times = [];
  while (!types().includes("end")) {
    clock.pass(8_000);
    if (sockets.at(-1).readyState === 0) {
      times.push(clock.now);
      sockets.at(-1).breaks();
    }
  }
  assert.ok(sockets.length > 60 && sockets.length < 90, String(sockets.length));
  assert.deepEqual(events.at(-1), ["end", { reason: "lost" }]);
  assert.equal(clock.waiting, 0);
});

test("it is retried at once when the browser has a network again", () => {
  const { sockets, signaling, clock } = joined();
  sockets[0].breaks();
  clock.pass(300);
  sockets[1].breaks();
  signaling.hurry();
  assert.equal(sockets.length, 3);
});

test("a silent server is taken for lost", () => {
  const { sockets, clock, types } = joined();
  clock.pass(10_000);
  assert.deepEqual(sockets[0].sent.at(-1), { type: "ping" });
  clock.pass(10_000);
  assert.deepEqual(types(), ["ready", "away"]);
  assert.equal(sockets[0].readyState, 3);
});

test("a server that answers is not", () => {
  const { sockets, clock, types } = joined();
  for (let round = 0; round < 6; round += 1) {
    clock.pass(10_000);
    sockets[0].says({ type: "pong" });
  }
  assert.deepEqual(types(), ["ready"]);
});

test("what an earlier connection still says is not heard", () => {
  const { sockets, clock, types } = joined();
  sockets[0].breaks();
  clock.pass(300);
  sockets[0].says({ type: "caption", text: "ghost" });
  sockets[0].breaks();
  assert.deepEqual(types(), ["ready", "away"]);
  assert.equal(sockets.length, 2);
});

test("some reasons to be closed are temporary, others are meant", () => {
  const slow = joined();
  slow.sockets[0].says({ type: "closed", reason: "slow_consumer" });
  slow.sockets[0].breaks();
  slow.clock.pass(300);
  assert.equal(slow.sockets.length, 2);
  const meant = joined();
  meant.sockets[0].says({ type: "closed", reason: "removed" });
  meant.sockets[0].breaks();
  meant.clock.pass(60_000);
  assert.deepEqual(meant.events.at(-1), ["end", { reason: "removed" }]);
  assert.equal(meant.sockets.length, 1);
});

test("whoever leaves says so and does not come back", () => {
  const { sockets, signaling, clock, events } = joined();
  signaling.leave();
  signaling.leave();
  signaling.hurry();
  clock.pass(60_000);
  assert.deepEqual(sockets[0].sent.at(-1), { type: "leave" });
  assert.deepEqual(events.at(-1), ["end", { reason: "left" }]);
  assert.deepEqual([sockets.length, events.length], [1, 2]);
});
