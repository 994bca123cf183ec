/** The console: sign in, then everything that the service does, as it does it. */

import { Api } from "./api.js";
import { State } from "./state.js";
import { Frame } from "./view/frame.js";
import { Login } from "./view/login.js";

const app = document.getElementById("app");
const api = new Api();

/** Why the identity provider let nobody in: the server says it in the address. */
const PROBLEMS = {
  away: "The identity provider does not answer.",
  expired: "That took too long, or began in another browser. Please try again.",
  refused: "The identity provider did not let you in, or you may do nothing here.",
};

function ask({ problem = "", provider = false } = {}) {
  app.replaceChildren(new Login({ problem, enter, provider }).element);
}

/** Go in with a token, if the server knows it; with none, if it knows who asks. */
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

async function leave(leaving, problem = "") {
  leaving.abort();
  api.token = "";
  const session = await api.ask("/session", { method: "DELETE" }).then(() => api.ask("/session")).catch(() => ({}));
  ask({ problem, provider: session.provider });
}

async function start() {
  const [, returned] = location.hash.match(/^#sign-in\/(\w+)$/) ?? [];
  if (returned) history.replaceState(null, "", location.pathname);
  let session = { name: "", provider: false };
  let problem = PROBLEMS[returned] ?? "";
  try {
    session = await api.ask("/session");
    if (api.token || session.name) {
      await enter(api.token);
      return;
    }
  } catch (error) {
    if (!error.unknown) problem = error.message;
    else if (session.name) problem = `${session.name} may not see the console.`;
  }
  ask({ problem, provider: session.provider });
}

start();
