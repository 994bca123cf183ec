/** Listens how loud a microphone is, sixty times a second, until it is stopped. */

import { falling, ofSamples } from "../model/level.js";

export class Meter {
  #context = new AudioContext();
  #frame;

  /** `show` gets the level of the track, between 0 and 1. */
  constructor(track, show) {
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    const stream = new MediaStream([track]);
    new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream }).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let [shown, before] = [0, performance.now()];
    const look = (now) => {
      analyser.getFloatTimeDomainData(samples);
      shown = falling(shown, ofSamples(samples), (now - before) / 1000);
      before = now;
      show(shown);
      this.#frame = requestAnimationFrame(look);
    };
    this.#frame = requestAnimationFrame(look);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#context.close();
  }
}
