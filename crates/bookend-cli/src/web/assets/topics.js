// Each topic keeps one color and one shape on the whole page, in the order in which topics were first seen.

import { html, svg } from "./dom.js";

const MARKS_MAX = 6;
const seen = new Map();

/** The number of a topic's mark; the style sheet turns it into a color. */
export function markOf(topic) {
  if (!seen.has(topic)) seen.set(topic, seen.size % MARKS_MAX);
  return seen.get(topic);
}

/** The path of a topic's shape around a point: circle, square, triangle, then the same again. */
export function shape(topic, x, y, size) {
  const at = (value) => value.toFixed(1);
  switch (markOf(topic) % 3) {
    case 0:
      return `M${at(x - size)} ${at(y)}a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0`;
    case 1:
      return `M${at(x - size * 0.9)} ${at(y - size * 0.9)}h${1.8 * size}v${1.8 * size}h${-1.8 * size}z`;
    default:
      return `M${at(x)} ${at(y - size * 1.2)}l${1.2 * size} ${2.1 * size}h${-2.4 * size}z`;
  }
}

/** A topic's shape and name, for legends and tables. */
export function tag(topic) {
  const mark = svg(
    "svg",
    { class: `mark topic-${markOf(topic)}`, viewBox: "0 0 12 12", "aria-hidden": "true" },
    svg("path", { d: shape(topic, 6, 6, 4.4) }),
  );
  return html("span", { class: "tag" }, mark, html("span", {}, topic));
}
