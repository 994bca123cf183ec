/** How loud sound is, for eyes: 0 is silence, 1 as loud as it gets. */

/** What is as quiet as a room in which nobody speaks, in dB below full scale. */
const FLOOR = -60;
/** What is loud enough to fill the meter. */
const CEILING = -10;

/** The level of samples between -1 and 1. */
export function ofSamples(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return scaled(10 * Math.log10(sum / samples.length));
}

/** The level of a speaker as the server tells it, in dBov: 0 is the loudest, -127 silence. */
export function ofSpeaker(dbov) {
  return dbov === undefined ? 0 : scaled(-Math.abs(dbov));
}

/** What a meter shows next: up at once, down slowly, as an eye likes it. */
export function falling(shown, level, seconds) {
  return Math.max(level, shown - 1.6 * seconds);
}

function scaled(decibel) {
  return Math.min(1, Math.max(0, (decibel - FLOOR) / (CEILING - FLOOR)));
}
