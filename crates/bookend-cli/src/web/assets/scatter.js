// Text length against response time: one mark a message, fresh ones strong, older ones faint.

import { bottomAxis, emptyNote, plotArea, valueAxis } from "./axes.js";
import { byId, drawing, svg, tableBehind } from "./dom.js";
import { clock, duration, integer, short } from "./format.js";
import { decades, linear, logarithmic, ticks } from "./scale.js";
import { markOf, shape } from "./topics.js";

const FRESH_MS = 5_000;
/** Times that hardly differ are not blown up to fill the chart. */
const SPAN_MIN_MS = 20;

/** Texts of very unequal length share a logarithmic axis; else the short ones would be one column at the left. */
function lengthAxis(lengths, range, count) {
  const sorted = [...lengths].sort((a, b) => a - b);
  const low = Math.max(1, sorted[0]);
  const high = Math.max(low + 1, sorted.at(-1));
  if (high > 20 * Math.max(1, sorted[sorted.length >> 1])) {
    const values = decades(low, high);
    return {
      values,
      scale: logarithmic([values[0], values.at(-1)], range),
      title: "characters, logarithmic",
    };
  }
  const values = ticks(0, high, count, 1);
  return { values, scale: linear([0, values.at(-1)], range), title: "characters" };
}

function draw(size, { scatter, now }) {
  const area = plotArea(size, { bottom: 42, left: 62 });
  if (scatter.length === 0)
    return { nodes: [emptyNote(area, "No message yet")], label: "No message yet" };
  const times = scatter.map((point) => point.responseTime);
  const [fastest, slowest] = [Math.min(...times), Math.max(...times)];
  const pad = Math.max(0, SPAN_MIN_MS - (slowest - fastest)) / 2;
  const levels = ticks(Math.max(0, fastest - pad), slowest + pad, 5, 1);
  const y = linear([levels[0], levels.at(-1)], [area.bottom, area.top]);
  const range = [area.left + 6, area.right - 6];
  const lengths = scatter.map((point) => point.textLength);
  const { values, scale: x, title } = lengthAxis(lengths, range, size.width < 420 ? 4 : 7);

  const paths = new Map();
  for (const { topic, textLength, responseTime, at } of scatter) {
    const fresh = now - at < FRESH_MS;
    const name = `topic-${markOf(topic)} ${fresh ? "fresh" : "old"}`;
    paths.set(
      name,
      (paths.get(name) ?? "") + shape(topic, x(textLength), y(responseTime), fresh ? 4 : 3),
    );
  }
  // Older marks first, so that fresh ones lie on top.
  const layers = [...paths].sort(
    ([a], [b]) => Number(a.endsWith("fresh")) - Number(b.endsWith("fresh")),
  );
  const caption = {
    class: "tick",
    x: (area.left + area.right) / 2,
    y: area.bottom + 35,
    "text-anchor": "middle",
  };
  const nodes = [
    ...valueAxis(area, y, levels, duration),
    ...bottomAxis(area, x, values, short),
    svg("text", caption, title),
    ...layers.map(([name, d]) => svg("path", { class: name, d })),
  ];
  const reach = `${integer(Math.min(...lengths))} to ${integer(Math.max(...lengths))} characters`;
  return {
    nodes,
    label: `The last ${integer(scatter.length)} messages: ${reach}, ${duration(fastest)} to ${duration(slowest)}`,
  };
}

function rows({ scatter }) {
  const lines = scatter.map(({ at, topic, textLength, responseTime }) => [
    clock(at),
    topic,
    integer(textLength),
    duration(responseTime),
  ]);
  return { head: ["Time", "Topic", "Length", "Response"], rows: lines };
}

/** Returns what takes each new view. */
export function scatter() {
  const chart = drawing(byId("scatter"), draw);
  const table = tableBehind(byId("scatter-table"), rows);
  return (view) => {
    chart(view);
    table(view);
  };
}
