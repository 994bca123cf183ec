/**
 * What went wrong, in words: what it is, and what to do about it.
 *
 * Each problem is `{title, remedy}`; nobody has to know what a NotAllowedError is.
 */

const NAMES = { microphone: "microphone", camera: "camera", screen: "screen" };

const DEVICE = {
  NotAllowedError: (name) => ({
    title: `The browser does not let this page use the ${name}`,
    remedy: `Click the icon left of the address, allow the ${name}, and try again.`,
  }),
  NotFoundError: (name) => ({
    title: `There is no ${name}`,
    remedy: "Plug one in; the list is renewed by itself.",
  }),
  NotReadableError: (name) => ({
    title: `The ${name} cannot be used right now`,
    remedy: "Another program may be using it: close that program and try again.",
  }),
};

/** Why a device could not be opened. */
export function ofDevice(error, device) {
  const name = NAMES[device];
  if (error.name === "NotAllowedError" && /system/i.test(error.message)) return bySystem(name);
  const known = DEVICE[error.name];
  if (known) return known(name);
  return { title: `The ${name} could not be opened`, remedy: `The browser says: ${error.message}` };
}

function bySystem(name) {
  return {
    title: `Your system does not let the browser use the ${name}`,
    remedy: `Allow it in the privacy settings of your system, and try again.`,
  };
}

/** Why no device can be opened at all on this page, or nothing. */
export function ofPage({ secure, devices, address }) {
  if (!secure) {
    return {
      title: "This page was opened without https, so browsers give it no microphone",
      remedy:
        `Open it as https://${address}, or on the machine it runs on as http://localhost. ` +
        "You can still come in to listen and read.",
    };
  }
  if (!devices) {
    return {
      title: "This browser has no way to the microphone",
      remedy: "Use a current Firefox, Chrome, Edge or Safari. You can still listen and read.",
    };
  }
  return undefined;
}

const SERVER = {
  not_allowed: ["You may not do this here", "Ask whoever invited you for an invitation that allows it."],
  token: ["This invitation is not valid", "It may have expired: ask whoever invited you for a new one."],
  full: ["The room is full", "Try again when somebody has left."],
  not_found: ["There is no such room", "It may have been closed; open a new one."],
  closed: ["This server opens no rooms by itself", "Use the link of an invitation."],
  limit: ["Too much at once", "Wait a moment and try again."],
  captions_unavailable: ["There are no captions right now", "The recogniser is not available."],
  unreachable: ["The server does not answer", "Check your connection, and try again."],
};

const DID_NOT_WORK = "That did not work";

/** What an error of the server means. */
export function ofServer({ code, message }) {
  const [title, remedy] = SERVER[code] ?? [DID_NOT_WORK, message ?? ""];
  return { title, remedy };
}

const REASONS = {
  ...SERVER,
  left: ["You have left", ""],
  removed: ["You were taken out of the room", "Somebody who may do so has decided it."],
  room_closed: ["The room was closed", ""],
  replaced: ["You are in this room elsewhere", "It goes on in the window you opened last."],
  encrypted: [
    "This room is encrypted from end to end",
    "This page cannot join such rooms; use the program that made it.",
  ],
  lost: ["The server cannot be reached", "The page tried for ten minutes, and has stopped."],
};

/** Why it is over, for people who are no longer in the room. */
export function ofEnd(reason) {
  const [title, remedy] = REASONS[reason] ?? ["The conversation is over", ""];
  return { title, remedy };
}

/** What a problem document (RFC 9457) of the server means. */
export function ofAnswer(status, problem) {
  if (status === 401 || status === 403) return ofServer({ code: "token" });
  if (status === 429) return ofServer({ code: "limit" });
  return ofServer({ code: problem?.type, message: problem?.detail ?? `The server says: ${status}` });
}
