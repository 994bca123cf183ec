/** A transcript as a file: what is seen in the pane, in the form somebody else can read. */

/** Milliseconds a cue is shown at least. */
const SHORTEST = 300;

const WRITERS = { vtt, srt, txt, json };
const TYPES = {
  vtt: "text/vtt",
  srt: "application/x-subrip",
  txt: "text/plain",
  json: "application/json",
};

/** The formats there are, by the ending of their files. */
export const FORMATS = Object.keys(WRITERS);

/** `{name, type, text}` of the file for a room and its entries. */
export function file(format, { room, entries, now }) {
  const day = now.toISOString().slice(0, 10);
  return {
    name: `${slug(room)}-${day}.${format}`,
    type: `${TYPES[format]};charset=utf-8`,
    text: WRITERS[format](entries, room),
  };
}

function vtt(entries) {
  const cue = (one) => `\n${times(one, ".")}\n<v ${tagged(one.name)}>${escaped(one.text)}\n`;
  return `WEBVTT\n${entries.map(cue).join("")}`;
}

function srt(entries) {
  const cue = (one, index) => `${index + 1}\n${times(one, ",")}\n${one.name}: ${line(one.text)}\n`;
  return entries.map(cue).join("\n");
}

function txt(entries) {
  return entries.map((one) => `[${clock(one.start_ms)}] ${one.name}: ${line(one.text)}\n`).join("");
}

function json(entries, room) {
  const segments = entries.map((one) => ({
    speaker: one.name,
    start: one.start_ms / 1000,
    end: one.end_ms / 1000,
    text: one.text,
    language: one.language,
    at: one.at,
  }));
  return `${JSON.stringify({ source: room, segments }, null, 1)}\n`;
}

function times({ start_ms, end_ms }, point) {
  const end = Math.max(end_ms, start_ms + SHORTEST);
  return `${clock(start_ms, point)} --> ${clock(end, point)}`;
}

/** Hours, minutes and seconds; with milliseconds where a point is given for them. */
export function clock(milliseconds, point = "") {
  const seconds = Math.floor(milliseconds / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const whole = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return point ? `${whole}${point}${String(milliseconds % 1000).padStart(3, "0")}` : whole;
}

function line(text) {
  return text.split(/\s+/).filter(Boolean).join(" ");
}

function escaped(text) {
  return line(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function tagged(name) {
  return escaped(name).replaceAll("&gt;", "");
}

function slug(room) {
  return room.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").toLowerCase() || "transcript";
}
