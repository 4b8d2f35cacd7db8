// The quiet parts of a chart: grid, ticks and captions around a plot area.

import { svg } from "./dom.js";
import { ago } from "./format.js";

/** The room left for the plot inside `size` after its margins. */
export function plotArea({ width, height }, { top = 14, right = 8, bottom = 24, left = 40 }) {
  return { left, top, right: width - right, bottom: height - bottom };
}

/** Horizontal grid lines with their values at the left. */
export function valueAxis(area, scale, values, format) {
  return values.flatMap((value) => {
    const y = Math.round(scale(value)) + 0.5;
    return [
      svg("line", {
        class: value === 0 ? "base" : "grid",
        x1: area.left,
        x2: area.right,
        y1: y,
        y2: y,
      }),
      svg(
        "text",
        { class: "tick", x: area.left - 7, y: y + 4, "text-anchor": "end" },
        format(value),
      ),
    ];
  });
}

/** Captions below the plot. The first and the last stay inside it. */
export function bottomAxis(area, scale, values, format) {
  return values.map((value, index) => {
    const anchor = index === values.length - 1 ? "end" : index === 0 ? "start" : "middle";
    return svg(
      "text",
      { class: "tick", x: scale(value), y: area.bottom + 17, "text-anchor": anchor },
      format(value),
    );
  });
}

/** The width that keeps a caption clear of its neighbor, in pixels. */
const CAPTION_WIDTH = 76;

/** Captions of time before `now`; `most` says into how many equal parts the time is cut where there is room. */
export function timeAxis(area, scale, from, now, most) {
  let parts = most;
  // Only a divisor of `most` keeps the captions round.
  while (parts > 1 && (most % parts || (area.right - area.left) / parts < CAPTION_WIDTH)) parts -= 1;
  const values = Array.from(
    { length: parts + 1 },
    (_, index) => from + ((now - from) * index) / parts,
  );
  return bottomAxis(area, scale, values, (at) => ago(now - at));
}

/** What an empty chart says instead of nothing. */
export function emptyNote(area, text) {
  const x = (area.left + area.right) / 2;
  return svg(
    "text",
    { class: "empty", x, y: (area.top + area.bottom) / 2, "text-anchor": "middle" },
    text,
  );
}
