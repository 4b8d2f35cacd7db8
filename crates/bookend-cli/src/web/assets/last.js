// The last messages, newest first; a row that was not there a moment ago lights up once.

import { byId, html } from "./dom.js";
import { clock, duration, integer } from "./format.js";
import { tag } from "./topics.js";

/** More than these at once would make the table flash each second, which says nothing. */
const LIT_MAX = 4;

const keyOf = ({ topic, partition, offset }) => `${topic}/${partition}/${offset}`;

function row(message, slowest, isNew) {
  const bar = html("span", { class: "bar", "aria-hidden": "true" });
  bar.style.width = `${(100 * message.responseTime) / slowest}%`;
  const word = (text) => html("span", { class: "word" }, text);
  const place = html(
    "span",
    { class: "quiet place" },
    word("partition "),
    `${message.partition} · `,
    word("offset "),
    integer(message.offset),
  );
  return html(
    "tr",
    { class: isNew ? "new" : undefined },
    html("td", { class: "time" }, clock(message.at)),
    html("td", {}, tag(message.topic), place),
    html("td", { class: "number" }, integer(message.textLength)),
    html("td", { class: "number response" }, duration(message.responseTime), bar),
  );
}

/** Returns what takes each new view. */
export function last() {
  let seen;
  return (view) => {
    const messages = [...view.last].sort((a, b) => b.at - a.at);
    const keys = messages.map(keyOf);
    byId("last-empty").hidden = messages.length > 0;
    byId("last-table").hidden = messages.length === 0;
    if (seen !== undefined && keys.join() === [...seen].join()) return;
    const slowest = Math.max(1, ...messages.map(({ responseTime }) => responseTime));
    const fresh = new Set(seen === undefined ? [] : keys.filter((key) => !seen.has(key)));
    const rows = messages.map((message, at) =>
      row(message, slowest, fresh.size <= LIT_MAX && fresh.has(keys[at])),
    );
    byId("last").replaceChildren(...rows);
    seen = new Set(keys);
  };
}
