// Messages per second: one thin column a second, the topics stacked in their colors.

import { emptyNote, plotArea, timeAxis, valueAxis } from "./axes.js";
import { byId, drawing, say, svg, tableBehind } from "./dom.js";
import { clock, integer, short } from "./format.js";
import { linear, ticks } from "./scale.js";
import { markOf } from "./topics.js";

const MEAN_OVER = 10;

/** Totals per bucket, and how many buckets are complete: the one that `now` falls into still grows. */
function totals({ now, rates: { from, step_ms: step, series } }) {
  const length = Math.max(0, ...series.map(({ counts }) => counts.length));
  const sums = Array.from({ length }, (_, at) =>
    series.reduce((sum, { counts }) => sum + (counts[at] ?? 0), 0),
  );
  return { sums, complete: Math.max(0, Math.min(length, Math.floor((now - from) / step))), length };
}

/** The mean rate per second over the last complete buckets. */
function meanRate(counts, complete, step) {
  const window = counts.slice(Math.max(0, complete - MEAN_OVER), complete);
  return window.length === 0
    ? 0
    : (window.reduce((sum, count) => sum + count, 0) * 1000) / (window.length * step);
}

function draw(size, view) {
  const { from, step_ms: step, series } = view.rates;
  const { sums, complete, length } = totals(view);
  const area = plotArea(size, {});
  const levels = ticks(0, Math.max(1, ...sums), 4, 1);
  const x = linear([0, length], [area.left, area.right]);
  const y = linear([0, levels.at(-1)], [area.bottom, area.top]);
  const nodes = [
    ...valueAxis(area, y, levels, short),
    ...timeAxis(
      area,
      linear([from, from + length * step], [area.left, area.right]),
      from,
      from + length * step,
      size.width < 420 ? 2 : 4,
    ),
  ];
  const below = new Array(length).fill(0);
  const gap = x(1) - x(0) > 3 ? 1 : 0;
  for (const { topic, counts } of series) {
    const paths = ["", ""];
    counts.forEach((count, at) => {
      if (count === 0) return;
      const top = y(below[at] + count);
      const column = `M${x(at).toFixed(1)} ${y(below[at]).toFixed(1)}V${top.toFixed(1)}H${(x(at + 1) - gap).toFixed(1)}V${y(below[at]).toFixed(1)}z`;
      paths[at < complete ? 0 : 1] += column;
      below[at] += count;
    });
    nodes.push(svg("path", { class: `topic-${markOf(topic)}`, d: paths[0] }));
    nodes.push(svg("path", { class: `topic-${markOf(topic)} partial`, d: paths[1] }));
  }
  if (sums.every((sum) => sum === 0))
    nodes.push(emptyNote(area, "No message in the last two minutes"));
  const means = series.map(
    ({ topic, counts }) => `${topic} ${short(meanRate(counts, complete, step))}`,
  );
  return {
    nodes,
    label: `Messages per second, mean of the last ten seconds: ${means.join(", ") || "none"}`,
  };
}

function rows({ rates: { from, step_ms: step, series } }) {
  const length = Math.max(0, ...series.map(({ counts }) => counts.length));
  const lines = Array.from({ length }, (_, at) => [
    clock(from + at * step),
    ...series.map(({ counts }) => integer(counts[at] ?? 0)),
  ]);
  return { head: ["Second", ...series.map(({ topic }) => topic)], rows: lines.reverse() };
}

/** Returns what takes each new view. */
export function rates() {
  const chart = drawing(byId("rates"), draw);
  const table = tableBehind(byId("rates-table"), rows);
  return (view) => {
    const { sums, complete } = totals(view);
    say(byId("rates-now"), short(meanRate(sums, complete, view.rates.step_ms)));
    chart(view);
    table(view);
  };
}
