// The ledger as a flow: every message recorded is in exactly one place, and heights are in proportion.
//
// Left: what this process took in. Middle: where it stands. Right: what the store holds, by topic.
// A process that only sends has no right side; one that only stores has nothing else.

import { balance } from "./balance.js";
import { svg } from "./dom.js";
import { integer } from "./format.js";
import { spread } from "./scale.js";
import { markOf } from "./topics.js";

const BAR = 10;
const TOP = 57;
const FULL = 150;
const ROW = 26;
const VISIBLE_MIN = 3;

const EXPLAINED = {
  handed: "handed to Kafka, awaiting its ack",
  spooled: "spooled on disk",
  queued: "queued in memory",
  dropped: "dropped",
  unaccounted: "unaccounted for",
  behind: "acked, not stored yet",
};

/** Sums and pixels of one drawing. */
export function draw({ width }, ledger) {
  const sums = balance(ledger);
  const nodes = [];
  let height = TOP + FULL + 8;
  if (sums.sends) {
    const scale = sums.accepted > 0 ? FULL / sums.accepted : 0;
    const middle = Math.round(width * (sums.stores ? 0.36 : 0.5));
    // Before the first message the flow shows its bed, empty and in full.
    const idle = sums.accepted === 0;
    const acked = {
      x: middle,
      y: TOP,
      height: idle ? FULL : tall(ledger.acked * scale, ledger.acked),
      idle,
    };
    const narrow = width < 520;
    height = places({ nodes, ledger, sums, scale, acked, narrow });
    const side = { nodes, ledger, sums, from: acked, share: share(ledger.acked, sums), narrow };
    if (sums.stores) storeSide({ ...side, x: width - BAR });
    else elsewhere(nodes, acked, narrow);
  } else {
    const from = { x: 0, y: TOP, height: FULL, idle: sums.stored === 0 };
    heading(nodes, 0, "start", "stored", sums.stored);
    bar(nodes, from, from.idle ? "none" : "acked");
    storeSide({ nodes, ledger, sums, from, share: 1, x: width - BAR, quiet: true });
  }
  return { nodes, height, label: spoken(ledger, sums) };
}

const tall = (pixels, count) => (count > 0 ? Math.max(pixels, VISIBLE_MIN) : 0);

/** How much of the acknowledged is in the store; all of it before the first message. */
const share = (acked, { accepted, stored }) =>
  acked > 0 ? Math.min(1, stored / acked) : Number(accepted === 0);

/** Left and middle; returns the height used. */
function places({ nodes, ledger, sums, scale, acked, narrow }) {
  heading(
    nodes,
    0,
    "start",
    sums.accepted > ledger.recorded ? "recorded + recovered" : "recorded",
    sums.accepted,
  );
  heading(nodes, acked.x, "start", "acked", ledger.acked);
  ribbon(
    nodes,
    { x: BAR, y: TOP, height: acked.idle ? FULL : ledger.acked * scale },
    acked,
    acked.idle ? "bed" : "acked",
  );
  let source = TOP + ledger.acked * scale;
  let y = TOP + Math.max(acked.height, 0) + 16;
  for (const { name, count, label } of standing(ledger, sums)) {
    const place = { x: acked.x, y, height: tall(Math.abs(count) * scale, count) };
    ribbon(nodes, { x: BAR, y: source, height: Math.abs(count) * scale }, place, name);
    bar(nodes, count > 0 ? place : { ...place, height: 2 }, count > 0 ? name : "none");
    rowLabel(nodes, place, count, narrow && name !== "dropped" ? name : label, name);
    source += count * scale;
    y += Math.max(place.height + 8, ROW);
  }
  bar(nodes, { x: 0, y: TOP, height: FULL }, acked.idle ? "none" : "recorded");
  bar(
    nodes,
    acked.height > 0 ? acked : { ...acked, height: 2 },
    ledger.acked > 0 ? "acked" : "none",
  );
  return Math.max(y, TOP + FULL + 8);
}

/** The places besides acked, each with a row of its own; rare ones only while they hold something. */
function standing(ledger, sums) {
  const place = (name, count, label = EXPLAINED[name]) => ({ name, count, label });
  const rows = [place("handed", ledger.handed), place("queued", ledger.queued)];
  if (ledger.spooled > 0) rows.splice(1, 0, place("spooled", ledger.spooled));
  const reasons = Object.entries(ledger.dropped ?? {}).filter(([, count]) => count > 0);
  for (const [reason, count] of reasons) rows.push(place("dropped", count, `dropped: ${reason}`));
  if (reasons.length === 0) rows.push(place("dropped", 0));
  if (sums.unaccounted !== 0) rows.push(place("unaccounted", Math.abs(sums.unaccounted)));
  return rows;
}

/** Right: the store's bar, cut by topic, fed from `from`. */
function storeSide({ nodes, ledger, sums, from, share, x, narrow, quiet = false }) {
  const height = from.height * share;
  const topics = Object.entries(ledger.stored).filter(([, count]) => count > 0);
  if (!quiet) heading(nodes, x + BAR, "end", "stored", sums.stored);
  if (sums.beyond > 0) {
    // Rows of others have a cap of fixed size: in proportion they could hide what this run does.
    bar(nodes, { x, y: TOP - 8, height: 5 }, "beyond");
    label(
      nodes,
      x - 8,
      TOP - 2,
      "note",
      integer(sums.beyond),
      narrow ? "not of this run" : "of them from earlier runs or other senders",
    );
  }
  if (topics.length === 0 && from.idle) {
    ribbon(nodes, { x: from.x + BAR, y: TOP, height: FULL }, { x, y: TOP, height: FULL }, "bed");
    bar(nodes, { x, y: TOP, height: FULL }, "none");
  }
  let source = from.y;
  const rows = topics.map(([topic, count]) => {
    const part = { topic, count, x, y: source, height: (height * count) / sums.stored };
    ribbon(
      nodes,
      { x: from.x + BAR, y: source, height: part.height },
      part,
      `topic-${markOf(topic)}`,
    );
    bar(nodes, part, `topic-${markOf(topic)}`);
    source += part.height;
    return part;
  });
  const middles = rows.map((part) => part.y + part.height / 2 + 4);
  spread(middles, 18).forEach((y, at) => {
    label(
      nodes,
      x - 8,
      Math.max(y, TOP + 14 + at * 18),
      "store",
      integer(rows[at].count),
      rows[at].topic,
    );
  });
  if (sums.behind > 0) {
    const end = from.y + from.height;
    const part = {
      y: end - tall(from.height - height, sums.behind),
      height: tall(from.height - height, sums.behind),
    };
    ribbon(nodes, { x: from.x + BAR, ...part }, { x: x - 40, ...part }, "behind");
    label(
      nodes,
      x - 8,
      end + 18,
      "behind",
      integer(sums.behind),
      narrow ? "to store" : EXPLAINED.behind,
    );
  }
}

/** What stands at the right where the store is another process. */
function elsewhere(nodes, acked, narrow) {
  const text = narrow ? "in Kafka" : "in Kafka, for a server to store";
  nodes.push(svg("text", { class: "row", x: acked.x + BAR + 8, y: TOP + FULL / 2 + 4 }, text));
}

function heading(nodes, x, anchor, name, count) {
  nodes.push(svg("text", { class: "place", x, y: 13, "text-anchor": anchor }, name));
  const text = integer(count);
  // Three counts of a billion stand side by side on a phone, too: exact integers are not shortened.
  const size = text.length > 9 ? "count long" : "count";
  nodes.push(svg("text", { class: size, x, y: 36, "text-anchor": anchor }, text));
}

function bar(nodes, { x, y, height }, name) {
  nodes.push(
    svg("rect", {
      class: `bar ${name}`,
      x,
      y,
      width: BAR,
      height: Math.max(height, 0.5),
      rx: Math.min(2, height / 2),
    }),
  );
}

/** A band from the right edge of `from` to the left edge of `to`, which may differ in height. */
function ribbon(nodes, from, to, name) {
  if (!(from.height > 0) || !(to.height > 0)) return;
  const bend = (from.x + to.x) / 2;
  const d =
    `M${from.x} ${from.y}C${bend} ${from.y} ${bend} ${to.y} ${to.x} ${to.y}V${to.y + to.height}` +
    `C${bend} ${to.y + to.height} ${bend} ${from.y + from.height} ${from.x} ${from.y + from.height}z`;
  nodes.push(svg("path", { class: `ribbon ${name}`, d }));
}

function rowLabel(nodes, { x, y, height }, count, text, name) {
  const middle = y + Math.max(height, 2) / 2 + 4;
  label(
    nodes,
    x + BAR + 8,
    middle,
    `row ${count > 0 ? name : "zero"}`,
    integer(count),
    text,
    "start",
  );
}

function label(nodes, x, y, name, count, text, anchor = "end") {
  const number = svg("tspan", { class: "number" }, count);
  nodes.push(svg("text", { class: name, x, y, "text-anchor": anchor }, number, ` ${text}`));
}

function spoken(ledger, sums) {
  const parts = [];
  if (sums.sends) {
    parts.push(`${integer(sums.accepted)} recorded`, `${integer(ledger.acked)} acked`);
    for (const { count, label } of standing(ledger, sums)) parts.push(`${integer(count)} ${label}`);
    if (sums.behind > 0) parts.push(`${integer(sums.behind)} ${EXPLAINED.behind}`);
  }
  for (const [topic, count] of Object.entries(ledger.stored ?? {}))
    parts.push(`${integer(count)} stored in ${topic}`);
  return parts.join(", ");
}
