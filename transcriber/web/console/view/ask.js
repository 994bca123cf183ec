/**
 * Questions in a window of their own: forms, and things that are shown once.
 *
 * The window stays open until what was asked for is done, and tells in it why it was not.
 */

import { h, iconButton, update } from "../../page/view/dom.js";
import { notice } from "../../page/view/notice.js";
import { Refused } from "../api.js";

let windows = 0;

/** Ask for values by fields; `done` gets them as `FormData`, and raises a `Refused` to ask again. */
export function ask({ title, about, fields = [], button, danger = false, done }) {
  const problem = h("div", { role: "alert" });
  const submit = h("button", { type: "submit", class: danger ? "danger" : "primary" }, button);
  const form = h("form", { class: "ask", method: "dialog" }, about && h("p", { class: "soft" }, about), problem, fields,
    h("div", { class: "ask-buttons" }, h("button", { type: "button", class: "quiet", onclick: () => open.close() }, "Cancel"), submit));
  const open = show(title, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    update(submit, { disabled: true });
    try {
      await done(new FormData(form));
      open.close();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problem.replaceChildren(notice({ title: error.message, remedy: "" }));
    } finally {
      update(submit, { disabled: false });
    }
  });
}

/** Ask whether something that cannot be undone is meant. */
export function confirm({ title, about, button, done }) {
  ask({ title, about, button, danger: true, done });
}

/** Show something that is shown only now, such as a secret, to be copied. */
export function reveal({ title, about, value }) {
  const field = h("input", { readonly: true, value, "aria-label": title, class: "secret", onfocus: () => field.select() });
  const copied = h("span", { role: "status", class: "soft" });
  const copy = async () => {
    field.select();
    await navigator.clipboard?.writeText(value).then(() => (copied.textContent = "Copied"), () => {});
  };
  const open = show(title, h("div", { class: "ask" }, h("p", { class: "soft" }, about), field,
    h("div", { class: "ask-buttons" }, copied, h("button", { type: "button", onclick: copy }, "Copy"),
      h("button", { type: "button", class: "primary", onclick: () => open.close() }, "Done"))));
}

/** A field of a form. */
export function field(label, { hint, ...attributes }) {
  return labelled(label, hint, h("input", attributes));
}

/** A choice of a form: `[[value, text], ...]`. */
export function choice(label, { options, hint, ...attributes }) {
  return labelled(label, hint, h("select", attributes, options.map(([value, text]) => h("option", { value }, text))));
}

/** Several of them may be chosen: `[[value, text, chosen], ...]`. */
export function several(label, name, options) {
  const one = ([value, text, checked]) =>
    h("label", { class: "check" }, h("input", { type: "checkbox", name, value, checked }), h("code", {}, value), h("span", { class: "soft" }, text));
  return h("fieldset", { class: "field" }, h("legend", {}, label), h("div", { class: "checks" }, options.map(one)));
}

function labelled(label, hint, control) {
  return h("label", { class: "field" }, h("span", {}, label), control, hint && h("small", { class: "soft" }, hint));
}

function show(title, content) {
  const id = `window-${(windows += 1)}`;
  const close = () => element.close();
  const element = h("dialog", { class: "window", "aria-labelledby": id },
    h("header", { class: "window-head" }, h("h2", { id }, title), iconButton("close", "Close", { class: "quiet square", onclick: close })), content);
  element.addEventListener("close", () => element.remove());
  document.body.append(element);
  element.showModal();
  content.querySelector("input, select, .primary, .danger")?.focus();
  return element;
}
