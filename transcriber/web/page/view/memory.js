/** What the browser remembers of somebody, as far as it lets us. */

/** Wishes that stay: name, devices, how captions look. */
export const wishes = store(() => localStorage, "transcriber.wishes", {
  name: "",
  microphone: "",
  camera: "",
  speaker: "",
  muted: false,
  pictured: false,
  captions: true,
  target: "",
  language: "",
  size: "medium",
  theme: "system",
  shortcuts: true,
  transcript: false,
});

/** What this tab needs to come back after it was loaded again. */
export const visit = store(() => sessionStorage, "transcriber.visit", { room: "", token: "", resume: "" });

function store(place, key, fallback) {
  const kept = { ...fallback, ...read(place, key) };
  return new Proxy(kept, {
    set(target, name, value) {
      target[name] = value;
      write(place, key, target);
      return true;
    },
  });
}

function read(place, key) {
  try {
    return JSON.parse(place().getItem(key)) ?? {};
  } catch {
    return {};
  }
}

function write(place, key, value) {
  try {
    place().setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: wishes last as long as the page.
  }
}
