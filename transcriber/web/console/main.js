/** The console: sign in, then everything that the service does, as it does it. */

import { Api } from "./api.js";
import { State } from "./state.js";
import { Frame } from "./view/frame.js";
import { Login } from "./view/login.js";

const app = document.getElementById("app");
const api = new Api();

function ask(problem = "") {
  app.replaceChildren(new Login({ problem, enter }).element);
}

/** Go in with a token, if the server knows it. */
async function enter(token) {
  api.token = token;
  const state = new State();
  try {
    state.overview = await api.ask("/console");
  } catch (error) {
    if (error.unknown) api.token = "";
    throw error;
  }
  const leaving = new AbortController();
  const frame = new Frame({ api, state, leave: () => leave(leaving) });
  leaving.signal.addEventListener("abort", () => frame.close());
  app.replaceChildren(frame.element);
  follow({ state, frame, leaving });
}

async function follow({ state, frame, leaving }) {
  const { signal } = leaving;
  const heard = (event) => frame.show(state.apply(event));
  const connection = (connected) => {
    if (state.connected === connected) return;
    state.connected = connected;
    frame.show("connection");
  };
  try {
    await api.follow("/console/stream", heard, { signal, state: connection });
  } catch (error) {
    if (!signal.aborted) leave(leaving, error.message);
  }
}

function leave(leaving, problem = "") {
  leaving.abort();
  api.token = "";
  ask(problem);
}

async function start() {
  if (!api.token) {
    ask();
    return;
  }
  try {
    await enter(api.token);
  } catch (error) {
    ask(error.unknown ? "" : error.message);
  }
}

start();
