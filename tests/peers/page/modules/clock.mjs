/** Time that passes when a test says so. */
export class Clock {
  now = 0;
  #timers = new Map();
  #next = 1;
  performance = { now: () => this.now };

  setTimeout(call, after) {
    return this.#add({ call, at: this.now + after });
  }
  setInterval(call, every) {
    return this.#add({ call, at: this.now + every, every });
  }
  clearTimeout(id) {
    this.#timers.delete(id);
  }
  clearInterval(id) {
    this.#timers.delete(id);
  }
  pass(time) {
    const end = this.now + time;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      const [id, timer] = due;
      this.now = timer.at;
      if (timer.every) timer.at += timer.every;
      else this.#timers.delete(id);
      timer.call();
    }
    this.now = end;
  }
  get waiting() {
    return this.#timers.size;
  }
  #add(timer) {
    this.#timers.set(this.#next, timer);
    return this.#next++;
  }
}
