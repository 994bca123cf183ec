import assert from "node:assert/strict";
import { test } from "node:test";
import { newsOf } from "../../../../transcriber/web/page/model/news.js";
import { initials, Roster, silent, trackOf } from "../../../../transcriber/web/page/model/roster.js";

const someone = (id, ...tracks) => ({ id, name: id.toUpperCase(), tracks });
const sound = (muted = false) => ({ id: "t1", kind: "audio", source: "microphone", muted });
const ready = (...participants) => ({ type: "ready", participant_id: "me", participants });

function entered(...participants) {
  const roster = new Roster("Me");
  roster.apply(ready(...participants));
  return roster;
}
const ids = (roster) => roster.people.map(({ id }) => id);

test("we are in the picture ourselves", () => {
  const roster = entered(someone("ann"));
  assert.deepEqual(ids(roster), ["me", "ann"]);
  assert.equal(roster.person("me").name, "Me");
  assert.deepEqual(roster.others.map(({ id }) => id), ["ann"]);
});

test("people come and go", () => {
  const roster = entered();
  assert.ok(roster.apply({ type: "joined", participant: someone("bo") }));
  assert.ok(roster.apply({ type: "left", participant_id: "bo", reason: "left" }));
  assert.ok(!roster.apply({ type: "left", participant_id: "bo", reason: "left" }));
  assert.deepEqual(ids(roster), ["me"]);
});

test("nobody changes place or colour when the connection comes back", () => {
  const roster = entered(someone("ann"), someone("bo"));
  const colour = roster.colour("bo");
  roster.apply(ready(someone("new"), someone("bo"), someone("ann")));
  assert.deepEqual(ids(roster), ["me", "ann", "bo", "new"]);
  assert.equal(roster.colour("bo"), colour);
  assert.equal(roster.colour("gone"), roster.colour("gone"));
});

test("tracks are published, muted and taken back", () => {
  const roster = entered(someone("ann"));
  const about = { participant_id: "ann" };
  assert.ok(silent(roster.person("ann")));
  roster.apply({ type: "track.published", ...about, track: sound() });
  assert.ok(!silent(roster.person("ann")));
  roster.apply({ type: "muted", ...about, track_id: "t1", muted: true });
  assert.ok(silent(roster.person("ann")));
  assert.equal(trackOf(roster.person("ann"), "microphone").id, "t1");
  assert.ok(roster.apply({ type: "track.unpublished", ...about, track_id: "t1" }));
  assert.equal(trackOf(roster.person("ann"), "microphone"), undefined);
});

test("who speaks is loud, the others are not any more", () => {
  const roster = entered(someone("ann"), someone("bo"));
  roster.apply({ type: "speakers", speakers: [{ participant_id: "ann", level_dbov: -20 }] });
  assert.equal(roster.person("ann").level, -20);
  roster.apply({ type: "speakers", speakers: [] });
  assert.equal(roster.person("ann").level, undefined);
});

test("what concerns nobody we know changes nothing", () => {
  const roster = entered();
  const about = { participant_id: "ghost" };
  assert.ok(!roster.apply({ type: "track.published", ...about, track: sound() }));
  assert.ok(!roster.apply({ type: "track.unpublished", ...about, track_id: "t1" }));
  assert.ok(!roster.apply({ type: "muted", ...about, track_id: "t1", muted: true }));
  assert.ok(!roster.apply({ type: "quality", ...about, score: 1 }));
  assert.ok(!roster.apply({ type: "constructor" }));
});

test("the quality of a connection is known", () => {
  const roster = entered(someone("ann"));
  assert.ok(roster.apply({ type: "quality", participant_id: "ann", score: 2 }));
  assert.equal(roster.person("ann").quality, 2);
});

test("a picture for which there is no room is known, and so is the quality of who was there before", () => {
  const roster = entered({ ...someone("ann", { ...sound(), id: "t2", kind: "video" }), quality: 3 });
  assert.equal(roster.person("ann").quality, 3);
  assert.ok(!roster.apply({ type: "layer", track_id: "t2", layer: "low" }));
  assert.ok(roster.apply({ type: "layer", track_id: "t2", layer: "off" }));
  assert.ok(roster.person("ann").tracks.get("t2").held);
  assert.ok(!roster.apply({ type: "layer", track_id: "t2", layer: "off" }));
  assert.ok(roster.apply({ type: "layer", track_id: "t2", layer: "mid" }));
  assert.ok(!roster.apply({ type: "layer", track_id: "t9", layer: "off" }));
});

test("names have initials", () => {
  assert.equal(initials("Ann Becker"), "AB");
  assert.equal(initials("jean-luc de la tour"), "JT");
  assert.equal(initials("(guest) Øyvind"), "GØ");
  assert.equal(initials("李雷"), "李");
  assert.equal(initials("😀"), "?");
});

test("who comes, goes and shows something is told in words", () => {
  const roster = entered(someone("ann"));
  assert.equal(newsOf({ type: "joined", participant: someone("bo") }, roster), "BO has come in");
  assert.equal(newsOf({ type: "left", participant_id: "ann" }, roster), "ANN has left");
  const shown = (source) => ({ type: "track.published", participant_id: "ann", track: { source } });
  assert.equal(newsOf(shown("screen"), roster), "ANN shows a screen");
  assert.equal(newsOf(shown("camera"), roster), undefined);
  assert.equal(newsOf({ type: "left", participant_id: "nobody" }, roster), undefined);
});
