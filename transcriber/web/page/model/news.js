/** What happened in the room, in words: for who cannot see it. */

/** The news of a message, before the roster takes it in; nothing if it is none. */
export function newsOf(message, roster) {
  const name = roster.person(message.participant_id)?.name;
  if (message.type === "joined") return `${message.participant.name} has come in`;
  if (message.type === "left" && name) return `${name} has left`;
  if (message.type === "track.published" && name && message.track.source === "screen") return `${name} shows a screen`;
  return undefined;
}
