/** What is asked of the server once, over HTTP: rooms and invitations. */

import { ofAnswer, ofServer } from "../model/problems.js";

const BASE = "/api/v1";
const DEADLINE = 10_000;

/** Something the server did not do; `problem` is what to tell people. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/** Open a new room: `{room_id, token}`. */
export function openRoom(name) {
  return post("/open/rooms", { name }, "closed");
}

/** An invitation into a room that is open to everybody: `{room_id, token}`. */
export function invitation(room) {
  return post(`/open/rooms/${encodeURIComponent(room)}/tokens`, {}, "not_found");
}

/** What was said before we came; empty where nothing is kept. */
export async function transcript(room, token) {
  const response = await fetch(`${BASE}/rooms/${encodeURIComponent(room)}/transcript?format=json`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(DEADLINE),
  });
  return response.ok ? (await response.json()).segments : [];
}

/** The address of the conversation about a room. */
export function conversation(room) {
  const url = new URL(`${BASE}/rooms/${encodeURIComponent(room)}/ws`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

/** `missing` is what it means that the server knows no such address. */
async function post(path, body, missing) {
  const response = await answer(path, body);
  const content = await response.json().catch(() => undefined);
  if (!response.ok) throw new Refused(response.status === 404 ? ofServer({ code: missing }) : ofAnswer(response.status, content));
  return content;
}

async function answer(path, body) {
  try {
    return await fetch(BASE + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(DEADLINE),
    });
  } catch {
    throw new Refused(ofServer({ code: "unreachable" }));
  }
}
