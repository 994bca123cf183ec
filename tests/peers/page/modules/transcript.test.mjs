import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, file, FORMATS } from "../../../../transcriber/web/page/model/formats.js";
import { pieces, places } from "../../../../transcriber/web/page/model/search.js";
import { entryOf, Transcript } from "../../../../transcriber/web/page/model/transcript.js";

const entry = (id, start_ms, more = {}) => ({
  id, participant_id: "ann", name: "Ann", text: `said ${id}`, language: "en", start_ms, end_ms: start_ms + 900, ...more,
});

test("who ends later but began earlier stands first", () => {
  const transcript = new Transcript();
  assert.equal(transcript.add(entry("a", 1000)), 0);
  assert.equal(transcript.add(entry("b", 3000)), 1);
  assert.equal(transcript.add(entry("c", 2000)), 1);
  assert.deepEqual(transcript.entries.map(({ id }) => id), ["a", "c", "b"]);
});

test("nothing is there twice, and nothing empty at all", () => {
  const transcript = new Transcript();
  transcript.add(entry("a", 0));
  assert.equal(transcript.add(entry("a", 0)), -1);
  assert.equal(transcript.add(entry("b", 0, { text: "  " })), -1);
  assert.equal(transcript.entries.length, 1);
});

test("what was said before we came is the same utterance when it comes again without an id", () => {
  const transcript = new Transcript();
  transcript.add(entryOf({ speaker: "Ann", start: 1.5, end: 2.25, text: "said a", language: "en" }));
  assert.equal(transcript.add(entry("utt_1", 1500)), -1);
  assert.deepEqual(transcript.entries[0].end_ms, 2250);
});

test("a speaker's name stands where somebody else spoke before", () => {
  const transcript = new Transcript();
  transcript.add(entry("a", 0));
  transcript.add(entry("b", 1));
  transcript.add(entry("c", 2, { participant_id: "bo", name: "Bo" }));
  assert.deepEqual([0, 1, 2].map((at) => transcript.begins(at)), [true, false, true]);
});

test("people search without accents and capitals", () => {
  assert.deepEqual(places("Das Café, dann CAFE", "cafe"), [[4, 8], [15, 19]]);
  assert.deepEqual(places("cafe", "Café"), [[0, 4]]);
  assert.deepEqual(places("anything", "  "), []);
  assert.deepEqual(places("aaa", "aa"), [[0, 2]]);
});

test("letters that are two in small are found where they stand", () => {
  assert.deepEqual(places("İstanbul 😀 ya", "ya"), [[12, 14]]);
});

test("a text is cut into what is found and what is not", () => {
  assert.deepEqual(pieces("one two", "two"), [{ text: "one ", hit: false }, { text: "two", hit: true }]);
  assert.deepEqual(pieces("one", ""), [{ text: "one", hit: false }]);
});

const ENTRIES = [entry("a", 1_234, { text: "1 < 2 &\n more" }), entry("b", 3_600_000, { name: "Bo > X" })];
const made = (format) => file(format, { room: "Stand-up: Köln!", entries: ENTRIES, now: new Date("2026-03-04T10:00:00Z") });

test("WebVTT names speakers and escapes what would be markup", () => {
  assert.equal(
    made("vtt").text,
    "WEBVTT\n\n00:00:01.234 --> 00:00:02.134\n<v Ann>1 &lt; 2 &amp; more\n" +
      "\n01:00:00.000 --> 01:00:00.900\n<v Bo  X>said b\n",
  );
});

test("SRT numbers its cues", () => {
  assert.equal(
    made("srt").text,
    "1\n00:00:01,234 --> 00:00:02,134\nAnn: 1 < 2 & more\n\n2\n01:00:00,000 --> 01:00:00,900\nBo > X: said b\n",
  );
});

test("text is for reading, JSON for programs", () => {
  assert.equal(made("txt").text, "[00:00:01] Ann: 1 < 2 & more\n[01:00:00] Bo > X: said b\n");
  const { source, segments } = JSON.parse(made("json").text);
  assert.equal(source, "Stand-up: Köln!");
  assert.deepEqual([segments[0].start, segments[0].speaker], [1.234, "Ann"]);
});

test("files are named for their room and day", () => {
  assert.deepEqual(FORMATS, ["vtt", "srt", "txt", "json"]);
  assert.equal(made("vtt").name, "stand-up-köln-2026-03-04.vtt");
  assert.equal(file("txt", { room: "!", entries: [], now: new Date(0) }).name, "transcript-1970-01-01.txt");
  assert.equal(clock(59_999), "00:00:59");
});
