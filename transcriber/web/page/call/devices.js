/**
 * Microphones, cameras and loudspeakers.
 *
 * A device that somebody chose and unplugged since is no reason to fail: the browser's choice is
 * taken then.
 */

const WISHES = {
  microphone: (id) => ({
    audio: { ...exact(id), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  }),
  camera: (id) => ({
    video: { ...exact(id), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
  }),
};
const KINDS = { audioinput: "microphone", videoinput: "camera", audiooutput: "speaker" };

/** Open a microphone or camera; raises what the browser says. */
export async function open(device, id = "") {
  try {
    return await first(WISHES[device](id));
  } catch (error) {
    if (!id || error.name !== "OverconstrainedError") throw error;
    return first(WISHES[device](""));
  }
}

/** Let somebody choose a screen or window to show. */
export async function openScreen() {
  const wishes = { video: { frameRate: { ideal: 15 } }, audio: false };
  const stream = await navigator.mediaDevices.getDisplayMedia(wishes);
  const [track] = stream.getTracks();
  track.contentHint = "detail";
  return track;
}

/** What there is: `{microphone: [{id, label}], camera: [...], speaker: [...]}`. */
export async function list() {
  const found = { microphone: [], camera: [], speaker: [] };
  if (!navigator.mediaDevices) return found;
  for (const { kind, deviceId, label } of await navigator.mediaDevices.enumerateDevices()) {
    if (deviceId) found[KINDS[kind]].push({ id: deviceId, label: label || KINDS[kind] });
  }
  return found;
}

/** Call back whenever a device comes or goes, until the signal. */
export function watch(changed, signal) {
  navigator.mediaDevices?.addEventListener("devicechange", changed, { signal });
}

async function first(wishes) {
  const stream = await navigator.mediaDevices.getUserMedia(wishes);
  return stream.getTracks()[0];
}

function exact(id) {
  return id ? { deviceId: { exact: id } } : {};
}
