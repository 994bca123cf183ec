import assert from "node:assert/strict";
import { test } from "node:test";
import { choices, nameOf } from "../../../../transcriber/web/page/model/languages.js";
import { grid, layer } from "../../../../transcriber/web/page/model/layout.js";
import { falling, ofSamples, ofSpeaker } from "../../../../transcriber/web/page/model/level.js";
import { ofAnswer, ofDevice, ofEnd, ofPage, ofServer } from "../../../../transcriber/web/page/model/problems.js";

test("one person fills a wide area, and four stand two by two", () => {
  assert.equal(grid(1, { width: 1600, height: 900 }).columns, 1);
  assert.deepEqual([2, 2], Object.values(grid(4, { width: 1600, height: 900 })).slice(0, 2));
});

test("on a telephone two people stand below each other, and five in two columns", () => {
  assert.equal(grid(5, { width: 366, height: 580, gap: 12 }).columns, 2);
  assert.equal(grid(2, { width: 390, height: 700 }).columns, 1);
});

test("tiles never leave their area, however many there are", () => {
  for (let count = 1; count <= 60; count += 1) {
    const { columns, rows, width, height } = grid(count, { width: 1000, height: 600, gap: 12 });
    assert.ok(columns * rows >= count);
    assert.ok(columns * width + (columns - 1) * 12 <= 1000);
    assert.ok(rows * height + (rows - 1) * 12 <= 600);
  }
});

test("an area of nothing and a room of nobody do not matter", () => {
  assert.deepEqual(grid(0, { width: 10, height: 10 }), { columns: 1, rows: 1, width: 0, height: 0 });
  assert.equal(grid(3, { width: 0, height: 0 }).width, 0);
});

test("a small picture needs a small layer", () => {
  assert.deepEqual([100, 300, 800].map(layer), ["low", "mid", "high"]);
});

test("levels are for eyes", () => {
  assert.equal(ofSamples(new Float32Array(8)), 0);
  assert.equal(ofSamples(new Float32Array(8).fill(1)), 1);
  assert.equal(ofSpeaker(undefined), 0);
  assert.equal(ofSpeaker(-35), ofSpeaker(35));
  assert.ok(ofSpeaker(-20) > ofSpeaker(-40));
});

test("a meter rises at once and falls slowly", () => {
  assert.equal(falling(0.2, 0.9, 0.1), 0.9);
  assert.ok(falling(0.9, 0, 0.1) > 0.7);
});

test("languages call themselves by their own names", () => {
  assert.equal(nameOf("de"), "Deutsch");
  assert.equal(nameOf("not a language"), "not a language");
  const found = choices([{ code: "fr", name: "" }, { code: "de", name: "Deutsch" }]);
  assert.deepEqual(found.map(({ label }) => label), ["Deutsch", "Français"]);
});

const failure = (name, message = "") => Object.assign(new Error(message), { name });

test("a refused microphone is told from one that is missing or in use", () => {
  assert.match(ofDevice(failure("NotAllowedError"), "microphone").title, /browser does not let/);
  assert.match(ofDevice(failure("NotAllowedError", "Permission denied by system"), "camera").title, /^Your system/);
  assert.match(ofDevice(failure("NotFoundError"), "camera").title, /no camera/);
  assert.match(ofDevice(failure("NotReadableError"), "microphone").remedy, /Another program/);
  assert.match(ofDevice(failure("AbortError", "odd"), "microphone").remedy, /odd/);
});

test("a page without https says where it can be opened", () => {
  const problem = ofPage({ secure: false, devices: false, address: "talk.example" });
  assert.match(problem.remedy, /https:\/\/talk\.example/);
  assert.match(ofPage({ secure: true, devices: false }).remedy, /Firefox/);
  assert.equal(ofPage({ secure: true, devices: true }), undefined);
});

test("what the server says is put into words", () => {
  assert.match(ofServer({ code: "full" }).title, /full/);
  assert.deepEqual(ofServer({ code: "odd", message: "so it is" }).remedy, "so it is");
  assert.equal(ofServer({ code: "odd" }).remedy, "");
  assert.match(ofServer({ code: "not_found" }).title, /no such room/);
  assert.match(ofAnswer(403).title, /invitation/);
  assert.match(ofAnswer(401).title, /invitation/);
  assert.match(ofAnswer(429).title, /Too much/);
  assert.equal(ofAnswer(503, { type: "overloaded", detail: "the node is full" }).remedy, "the node is full");
  assert.match(ofAnswer(500).remedy, /500/);
});

test("the end has a reason", () => {
  assert.match(ofEnd("removed").title, /taken out/);
  assert.match(ofEnd("token").title, /invitation/);
  assert.match(ofEnd("odd").title, /over/);
});
