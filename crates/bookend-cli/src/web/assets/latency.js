// Response time: the median as a line, p95 and p99 above it, the room between them tinted.

import { emptyNote, plotArea, timeAxis, valueAxis } from "./axes.js";
import { byId, drawing, say, svg, tableBehind } from "./dom.js";
import { about, clock, duration } from "./format.js";
import { linear, spread, ticks } from "./scale.js";

const LINES = ["p99", "p95", "p50"];

const known = (value) => value !== null && value !== undefined;

/** Runs of neighboring buckets that have a value: a gap in time is a gap in the line. */
function runs(values) {
  const found = [];
  values.forEach((value, at) => {
    if (!known(value)) return;
    if (at === 0 || !known(values[at - 1])) found.push([]);
    found.at(-1).push(at);
  });
  return found;
}

const lastOf = (values) => values.findLast(known);

function outline(points) {
  // A lone bucket is drawn as a short dash, for a line needs two points.
  const [first] = points;
  const drawn =
    points.length > 1
      ? points
      : [
          [first[0] - 3, first[1]],
          [first[0] + 3, first[1]],
        ];
  return drawn.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L");
}

function draw(size, { latency }) {
  const { from, step_ms: step } = latency;
  const until = from + latency.p50.length * step;
  const area = plotArea(size, { right: 106, left: 62 });
  const highest = Math.max(1, ...latency.p99.filter(known));
  const levels = ticks(0, highest, 4, 1);
  const time = linear([from, until], [area.left, area.right]);
  const x = (at) => time(from + (at + 0.5) * step);
  const y = linear([0, levels.at(-1)], [area.bottom, area.top]);
  const nodes = [
    ...valueAxis(area, y, levels, duration),
    ...timeAxis(area, time, from, until, size.width < 420 ? 2 : 5),
  ];
  const points = (name, run) =>
    run.filter((at) => known(latency[name][at])).map((at) => [x(at), y(latency[name][at])]);

  for (const run of runs(latency.p50)) {
    const band = [...points("p50", run), ...points("p99", run).reverse()];
    nodes.push(svg("path", { class: "band", d: `M${outline(band)}z` }));
  }
  for (const name of LINES) {
    const d = runs(latency[name])
      .map((run) => `M${outline(points(name, run))}`)
      .join("");
    nodes.push(svg("path", { class: `line ${name}`, d }));
  }
  const ends = LINES.map((name) => ({ name, value: lastOf(latency[name]) })).filter(({ value }) =>
    known(value),
  );
  const places = spread(
    ends.map(({ value }) => y(value)),
    17,
    area.bottom,
  );
  ends.forEach(({ name, value }, at) => {
    const key = svg("tspan", { class: "key" }, name);
    nodes.push(
      svg(
        "text",
        { class: "end", x: area.right + 8, y: places[at] + 4 },
        key,
        ` ${about(value)}`,
      ),
    );
  });
  if (ends.length === 0) nodes.push(emptyNote(area, "No response in the last minutes"));
  const spoken = ends.map(({ name, value }) => `${name} ${about(value)}`).join(", ");
  return { nodes, label: `Response time, latest: ${spoken || "none"}` };
}

function rows({ latency }) {
  const cell = (value) => (known(value) ? about(value) : "–");
  const lines = latency.p50.map((_, at) => [
    clock(latency.from + at * latency.step_ms),
    ...["p50", "p95", "p99"].map((name) => cell(latency[name][at])),
  ]);
  return { head: ["From", "p50", "p95", "p99"], rows: lines.reverse() };
}

/** Returns what takes each new view. */
export function latency() {
  const chart = drawing(byId("latency"), draw);
  const table = tableBehind(byId("latency-table"), rows);
  return (view) => {
    const median = lastOf(view.latency.p50);
    say(byId("latency-now"), known(median) ? about(median) : "–");
    byId("latency-words").hidden = !known(median);
    chart(view);
    table(view);
  };
}
