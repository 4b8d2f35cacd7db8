// Numbers and times as the reader's own language writes them. Pure: the same input gives the same text.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const clockTime = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** An exact integer: the ledger never rounds. */
export const integer = (value) => whole.format(value);

/** A tick or a rate, short enough for a margin. */
export const short = (value) =>
  (value < 10 ? oneDigit : value < 10_000 ? whole : compact).format(value);

/** Milliseconds, as seconds from 10,000 on. */
export const duration = (ms) =>
  ms < 10_000 ? `${short(ms)} ms` : `${twoDigits.format(ms / 1000)} s`;

/** A response time out of the store's bins: exact below 128 ms, then within 1 %. */
export const about = (ms) => (ms < 128 ? duration(ms) : `≈ ${duration(ms)}`);

/** The time of day of a Unix time in milliseconds. */
export const clock = (ms) => clockTime.format(ms);

/** How long before now: "now", "30 s", "5 min". */
export function ago(ms) {
  if (ms < 1000) return "now";
  return ms < 60_000 ? `−${whole.format(ms / 1000)} s` : `−${oneDigit.format(ms / 60_000)} min`;
}

/** "1 message", "2 messages". */
export const messages = (count) => `${integer(count)} ${count === 1 ? "message" : "messages"}`;
