/** The API as people read it, made of /api/v1/openapi.json: every call, who may make it, an example. */

import { h } from "../page/view/dom.js";
import { example, fields } from "./schema.js";

const DESCRIPTION = "/api/v1/openapi.json";
const DEADLINE = 15_000;

const app = document.getElementById("app");

async function show() {
  const answer = await fetch(DESCRIPTION, { signal: AbortSignal.timeout(DEADLINE) });
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  const api = await answer.json();
  app.replaceChildren(
    h("h1", {}, `The API of ${api.info.title} ${api.info.version}`),
    h("p", {}, api.info.description.replaceAll("`", "")),
    h("p", {}, "For programs: ", h("a", { href: DESCRIPTION }, DESCRIPTION)),
    ...Object.entries(areas(api)).flatMap(([area, calls]) => [h("h2", {}, area), ...calls]),
  );
}

function areas(api) {
  const found = {};
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, call] of Object.entries(methods)) {
      (found[call.tags[0]] ??= []).push(shown(api, path, method, call));
    }
  }
  return found;
}

function shown(api, path, method, call) {
  const body = call.requestBody?.content["application/json"].schema;
  const answers = Object.entries(call.responses).filter(([status]) => status !== "default");
  const [[status, answer]] = answers;
  const given = answer.content?.["application/json"]?.schema;
  return h(
    "details",
    { id: call.operationId },
    h(
      "summary",
      {},
      h("span", { class: `method ${method}` }, method.toUpperCase()),
      h("code", {}, path),
      h("span", { class: "what" }, call.summary),
    ),
    h(
      "div",
      { class: "inside" },
      h("p", {}, allowed(call)),
      call.parameters.length > 0 && listed("Parameters", call.parameters.map(parameter)),
      body && listed("Body", fields(api, body)),
      h("h3", {}, "Example"),
      h("pre", { tabindex: "0" }, command(api, path, method, call, body)),
      h("h3", {}, `Answer ${status}`),
      h("pre", { tabindex: "0" }, given ? json(example(api, given)) : types(answer)),
    ),
  );
}

function allowed(call) {
  const [[kind, scopes] = []] = call.security.map((one) => Object.entries(one)[0]);
  if (!kind) return "Anybody may.";
  const whose = kind === "room_token" ? "a token of the room" : "a token";
  return `With ${whose} that allows ${scopes.join(", ")}.`;
}

function parameter(one) {
  return { name: one.name, type: one.in === "path" ? "in the path" : example({}, one.schema) };
}

function listed(title, rows) {
  const lines = rows.map((row) => h("li", {}, h("code", {}, row.name), ` ${row.type ?? ""}`));
  return h("div", {}, h("h3", {}, title), h("ul", {}, lines));
}

function command(api, path, method, call, body) {
  const parts = [`curl -X ${method.toUpperCase()} "${location.origin}${path}"`];
  if (call.security.length > 0) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (body) parts.push(`--json '${JSON.stringify(example(api, body))}'`);
  return parts.join(" \\\n  ");
}

function types(answer) {
  return Object.keys(answer.content ?? {}).join(", ") || answer.description;
}

function json(value) {
  return JSON.stringify(value, undefined, 2);
}

show().catch((problem) => app.replaceChildren(h("p", {}, `It cannot be shown: ${problem.message}`)));
