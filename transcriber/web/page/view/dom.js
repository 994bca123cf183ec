/** Elements, written down: `h("button", { class: "quiet", onclick }, icon("mic"), "Mute")`. */

const SVG = "http://www.w3.org/2000/svg";
const ICONS = new URL("../icons.svg", import.meta.url).pathname;

/** Make an element; `on...` are listeners, `true` is an attribute without a value. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  update(element, attributes);
  element.append(...children.flat().filter((child) => child !== undefined && child !== false));
  return element;
}

/** Change attributes of an element; `undefined`, `null` and `false` take them off. */
export function update(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === undefined || value === null || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
}

/** A picture from our set; decoration, so what it means has to be said beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  svg.append(use);
  draw(svg, name);
  return svg;
}

/** Show another picture in the place of an icon. */
export function draw(svg, name) {
  const target = `${ICONS}#${name}`;
  if (svg.firstChild.getAttribute("href") !== target) svg.firstChild.setAttribute("href", target);
}

/** A button that is a picture; `label` says what it does. */
export function iconButton(name, label, attributes = {}) {
  return h("button", { type: "button", "aria-label": label, title: label, ...attributes }, icon(name));
}

/** A labelled choice; `changed` gets the value. */
export function select(label, { options, value, changed, ...attributes }) {
  const element = h("select", { onchange: () => changed(element.value), ...attributes });
  offer(element, options, value);
  return { field: h("label", { class: "field" }, h("span", {}, label), element), element };
}

/** Change what a choice offers, without losing what is chosen. */
export function offer(element, options, value = element.value) {
  element.replaceChildren(...options.map((one) => h("option", { value: one.value }, one.label)));
  element.value = options.some((one) => one.value === value) ? value : (options[0]?.value ?? "");
  element.disabled = options.length < 2;
}
