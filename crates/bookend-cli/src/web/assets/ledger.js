// The ledger's card: the verdict in words, the equation, and the flow.

import { equation, verdict } from "./balance.js";
import { byId, drawing, html, say } from "./dom.js";
import { draw } from "./flow.js";
import { integer } from "./format.js";

/** What a screen reader is told, and only when it changes: the sentence with its numbers changes each second. */
const ALOUD = {
  idle: "Nothing recorded yet",
  well: "The ledger balances",
  flowing: "The ledger balances",
  loss: "The ledger balances, but messages were dropped",
  alarm: "The ledger does not balance",
};

/** Returns what takes each new ledger. */
export function ledger() {
  const flow = drawing(byId("flow"), draw);
  return (data) => {
    const { tone, text } = verdict(data);
    const line = byId("verdict");
    line.dataset.tone = tone;
    say(line, text);
    say(byId("verdict-aloud"), ALOUD[tone]);
    const terms = equation(data).flatMap(({ sign, name, count }) => [
      sign === "" ? "" : html("span", { class: sign === "≠" ? "sign wrong" : "sign" }, sign),
      html("span", { class: "term" }, html("b", {}, integer(count)), ` ${name}`),
    ]);
    byId("equation").replaceChildren(...terms);
    flow(data);
  };
}
