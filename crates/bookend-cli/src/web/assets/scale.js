// Pure arithmetic of the charts: scales, round ticks, and labels that keep their distance.

/** Maps `domain` onto `range` in proportion. An empty domain maps to the start of the range. */
export function linear([low, high], [start, end]) {
  const slope = high > low ? (end - start) / (high - low) : 0;
  return (value) => start + (value - low) * slope;
}

/** Maps `domain`, which must be above zero, onto `range` by its logarithm. */
export function logarithmic([low, high], range) {
  const inner = linear([Math.log(low), Math.log(high)], range);
  return (value) => inner(Math.log(Math.max(value, low)));
}

/** The step of 1, 2 or 5 times a power of ten that cuts `span` into about `count` parts. */
export function roundStep(span, count) {
  if (!(span > 0)) return 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = rough / power;
  return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

/** Round values that enclose `low` to `high`, about `count` of them, never less than `stepMin` apart. */
export function ticks(low, high, count, stepMin = 0) {
  const step = Math.max(roundStep(high - low, count), stepMin);
  const first = Math.floor(low / step);
  const last = Math.max(Math.ceil(high / step), first + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** The powers of ten that enclose `low` to `high`, both above zero. */
export function decades(low, high) {
  const first = Math.floor(Math.log10(low));
  const last = Math.max(Math.ceil(Math.log10(high)), first + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

/** Moves sorted `positions` as little as a single sweep can, so that neighbors are `gap` apart and none is past `end`. */
export function spread(positions, gap, end = Infinity) {
  const placed = [];
  for (const position of positions) {
    const previous = placed.at(-1);
    placed.push(previous === undefined ? position : Math.max(position, previous + gap));
  }
  let limit = end;
  for (let index = placed.length - 1; index >= 0; index -= 1) {
    placed[index] = Math.min(placed[index], limit);
    limit = placed[index] - gap;
  }
  return placed;
}
