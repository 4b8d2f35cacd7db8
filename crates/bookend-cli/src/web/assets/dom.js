// Makes elements. Text is always a text node, so that what users send is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** An HTML element. */
export const html = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);

/** An SVG element. */
export const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

export const byId = (id) => document.getElementById(id);

/** Sets text only where it changed, so that screen readers and selections are left in peace. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A drawing that keeps its size in CSS pixels: `draw(size, data)` returns `{ nodes, label, height? }`
 * and runs again when the place it stands in changes its width.
 */
export function drawing(element, draw) {
  let data;
  const render = () => {
    const width = element.clientWidth;
    if (data === undefined || width === 0) return;
    const {
      nodes,
      label,
      height = element.clientHeight,
    } = draw({ width, height: element.clientHeight }, data);
    element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    element.style.height = `${height}px`;
    element.setAttribute("aria-label", label);
    element.replaceChildren(...nodes);
  };
  let widthSeen = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === widthSeen) return;
    widthSeen = element.clientWidth;
    render();
  }).observe(element);
  return (next) => {
    data = next;
    render();
  };
}

/** A table that stands behind a `<details>` and is made only while that is open; `read` returns `{ head, rows }`. */
export function tableBehind(details, read) {
  let data;
  const render = () => {
    if (!details.open || data === undefined) return;
    const { head, rows } = read(data);
    const cells = (kind, values) =>
      values.map((value) => html(kind, kind === "th" ? { scope: "col" } : {}, value));
    const table = html(
      "table",
      {},
      html("thead", {}, html("tr", {}, ...cells("th", head))),
      html("tbody", {}, ...rows.map((row) => html("tr", {}, ...cells("td", row)))),
    );
    details.replaceChildren(
      details.firstElementChild,
      html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, table),
    );
  };
  // An open table stands still while it is read; closing and opening it brings the latest.
  details.addEventListener("toggle", render);
  return (next) => {
    data = next;
  };
}
