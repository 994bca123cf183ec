/** Keys of one letter, as long as nobody is writing and everybody who wants to may switch them off. */

export const SHORTCUTS = [
  { key: "m", name: "microphone", does: "mute and unmute" },
  { key: "v", name: "camera", does: "camera on and off" },
  { key: "s", name: "screen", does: "show your screen" },
  { key: "c", name: "captions", does: "captions on and off" },
  { key: "t", name: "transcript", does: "open the transcript" },
  { key: "/", name: "search", does: "search in the transcript" },
];

const WRITING = "input:not([type=checkbox], [type=radio]), select, textarea, dialog[open] *";

/** Call `actions[name]()` for its key, while `wanted()`, until the signal. */
export function listen({ actions, wanted, signal }) {
  const heard = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !wanted()) return;
    if (event.target.closest?.(WRITING)) return;
    const shortcut = SHORTCUTS.find(({ key }) => key === event.key.toLowerCase());
    if (!shortcut) return;
    event.preventDefault();
    actions[shortcut.name]();
  };
  document.addEventListener("keydown", heard, { signal });
}
