/**
 * The rooms page: lobby, room, ending, one after the other.
 *
 * The address is the state: `/` opens a room, `/rooms/ID` enters one. An invitation comes in the
 * part of the link that browsers keep to themselves, and is taken off the address bar at once.
 */

import { conversation, invitation, openRoom } from "./call/api.js";
import { Call } from "./call/call.js";
import { Kit } from "./call/kit.js";
import { Ending } from "./view/ending.js";
import { Lobby } from "./view/lobby.js";
import { visit, wishes } from "./view/memory.js";
import { Room } from "./view/room.js";

const app = document.getElementById("app");
const kit = new Kit(wishes);
let current;

/** The room in the address; empty in the lobby. */
function address() {
  return decodeURIComponent(location.pathname.match(/^\/rooms\/([^/]+)\/?$/)?.[1] ?? "");
}

/** Take an invitation off the address: it lets in whoever sees it, and whoever was here before. */
function accept() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  Object.assign(visit, { room: address(), token, resume: "" });
}

function show(view) {
  current?.close();
  current = view;
  app.append(view.element);
}

function knock() {
  const room = address();
  const enter = async ({ name, room: title }) => enterRoom(name, await admitted(room, title));
  show(new Lobby({ kit, wishes, invited: Boolean(room), enter }));
}

/** A token for the room of the address, or for a new one. */
async function admitted(room, title) {
  if (room && visit.room === room && visit.token) return visit;
  const { room_id, token } = room ? await invitation(room) : await openRoom(title);
  Object.assign(visit, { room: room_id, token, resume: "" });
  history.replaceState(null, "", `/rooms/${encodeURIComponent(room_id)}`);
  return visit;
}

function enterRoom(name, { room, token, resume }) {
  const join = { token, name, ...(resume && { resume, fresh: true }) };
  const call = new Call(join, () => new WebSocket(conversation(room)));
  Object.assign(call.wishes, {
    muted: wishes.muted, captions: wishes.captions, target: wishes.target, language: wishes.language,
  });
  for (const kind of Object.keys(kit.tracks)) call.put(kind, kit.tracks[kind]);
  show(new Room({ call, kit, wishes, visit, ended }));
  call.enter();
}

function ended({ problem, pane }) {
  Object.assign(visit, { resume: "", token: "" });
  for (const kind of Object.keys(kit.tracks)) kit.close(kind);
  document.title = "Rooms";
  show(new Ending({ problem, pane, again: knock }));
  current.focus();
}

/** Who loads the page of a room again wants to be in it again. */
async function comeBack() {
  await kit.open("microphone");
  if (wishes.pictured) await kit.open("camera");
  enterRoom(wishes.name, visit);
}

document.documentElement.dataset.theme = wishes.theme;
accept();
if (visit.resume && visit.room === address() && wishes.name) comeBack();
else knock();
