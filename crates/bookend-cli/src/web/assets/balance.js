// Pure: does the ledger balance, and how is that said in one sentence?
//
// recorded + recovered = queued + spooled + handed + acked + dropped, in exact integers, at any moment.

import { integer, messages } from "./format.js";

const sum = (counts) => Object.values(counts ?? {}).reduce((total, count) => total + count, 0);

/** The sums of a ledger; the sender's are zero when this process sends nothing (`sends` is false). */
export function balance(ledger) {
  const { recorded, recovered, queued, spooled, handed, acked } = ledger;
  const sends = recorded != null;
  const stores = ledger.stored != null;
  const accepted = (recorded ?? 0) + (recovered ?? 0);
  const dropped = sum(ledger.dropped);
  const underWay = (queued ?? 0) + (spooled ?? 0) + (handed ?? 0);
  const stored = sum(ledger.stored);
  // A message can be stored before its ack is back, so `handed` is not counted as a stranger's.
  const beyond = sends && stores && stored > (acked ?? 0) + (handed ?? 0) ? stored - acked : 0;
  return {
    sends,
    stores,
    accepted,
    dropped,
    underWay,
    stored,
    unaccounted: accepted - underWay - (acked ?? 0) - dropped,
    /** Acknowledged by Kafka, not in the store yet. */
    behind: sends && stores ? Math.max(0, acked - stored) : 0,
    /** In the store from earlier runs or other senders. */
    beyond,
  };
}

/** What to say of it: `tone` is one of idle, well, flowing, loss, alarm. */
export function verdict(ledger) {
  const sums = balance(ledger);
  if (sums.unaccounted !== 0) {
    return { tone: "alarm", text: `${messages(Math.abs(sums.unaccounted))} unaccounted for` };
  }
  if (!sums.sends) {
    return sums.stored === 0
      ? { tone: "idle", text: "Waiting for the first message" }
      : { tone: "well", text: `${messages(sums.stored)} stored` };
  }
  if (sums.accepted === 0) return { tone: "idle", text: "Waiting for the first message" };
  if (sums.dropped > 0) {
    return {
      tone: "loss",
      text: `Every message is accounted for; ${integer(sums.dropped)} dropped`,
    };
  }
  const moving = sums.underWay + sums.behind;
  if (moving > 0) {
    return {
      tone: "flowing",
      text: `Every message is accounted for; ${integer(moving)} under way`,
    };
  }
  // With rows of others in the store, equality of this run's share cannot be read from two totals.
  if (!sums.stores || sums.beyond > 0)
    return { tone: "well", text: "Every recorded message is acknowledged" };
  return { tone: "well", text: "Every recorded message is stored" };
}

/** The equation as terms: `sign` stands before the term. */
export function equation(ledger) {
  const sums = balance(ledger);
  if (!sums.sends) return [];
  const terms = [{ sign: "", name: "recorded", count: ledger.recorded }];
  if (ledger.recovered > 0) terms.push({ sign: "+", name: "recovered", count: ledger.recovered });
  terms.push({ sign: sums.unaccounted === 0 ? "=" : "≠", name: "acked", count: ledger.acked });
  terms.push({ sign: "+", name: "under way", count: sums.underWay });
  terms.push({ sign: "+", name: "dropped", count: sums.dropped });
  return terms;
}
