import assert from "node:assert/strict";
import { test } from "node:test";
import { Captions } from "../../../../transcriber/web/page/model/captions.js";

const caption = (id, text, more = {}) => ({ id, participant_id: "ann", text, final: false, ...more });
const texts = (captions, now) => captions.visible(now).map(({ text }) => text);

test("an utterance keeps its line while it grows", () => {
  const captions = new Captions();
  captions.show(caption("1", "Good"), 0);
  captions.show(caption("2", "Yes"), 100);
  captions.show(caption("1", "Good morning"), 200);
  assert.deepEqual(texts(captions, 300), ["Good morning", "Yes"]);
});

test("a partial that comes late does not undo what was final", () => {
  const captions = new Captions();
  captions.show(caption("1", "Good morning.", { final: true }), 0);
  captions.show(caption("1", "Good mor"), 10);
  assert.deepEqual(texts(captions, 20), ["Good morning."]);
});

test("the newest lines push out the oldest", () => {
  const captions = new Captions({ most: 2 });
  for (const id of ["1", "2", "3"]) captions.show(caption(id, id), 0);
  assert.deepEqual(texts(captions, 0), ["2", "3"]);
});

test("a finished line stays as long as it takes to read", () => {
  const captions = new Captions();
  captions.show(caption("short", "Yes.", { final: true }), 0);
  captions.show(caption("long", "word ".repeat(16), { final: true }), 0);
  assert.deepEqual(texts(captions, 3_000).length, 2);
  assert.deepEqual(captions.visible(3_300).map(({ id }) => id), ["long"]);
  assert.deepEqual(texts(captions, 9_001), []);
});

test("a line whose speaker is gone does not stay for ever", () => {
  const captions = new Captions();
  captions.show(caption("1", "I am"), 0);
  assert.equal(captions.changes, 15_000);
  assert.deepEqual(texts(captions, 15_000), []);
  assert.equal(captions.changes, undefined);
});

test("it can be cleared", () => {
  const captions = new Captions();
  captions.show(caption("1", "a"), 0);
  captions.clear();
  assert.deepEqual(texts(captions, 0), []);
});
