// The page, wired: each answer of the server goes to every card.

import { byId, say } from "./dom.js";
import { clock } from "./format.js";
import { last } from "./last.js";
import { latency } from "./latency.js";
import { ledger } from "./ledger.js";
import { poll } from "./poll.js";
import { rates } from "./rates.js";
import { scatter } from "./scatter.js";
import { sendForm } from "./send.js";
import { markOf, tag } from "./topics.js";

const form = sendForm();
const onLedger = [ledger(), form.ledger];
const onView = [rates(), latency(), scatter(), last(), form.view];

const link = byId("link");
let retryAt;

function legend(topics) {
  const place = byId("topics");
  if (place.childElementCount === topics.length) return;
  place.replaceChildren(
    ...topics.map((topic) => {
      const item = document.createElement("li");
      item.append(tag(topic));
      return item;
    }),
  );
}

/** Marks are given out in the view's order before anything is drawn, so that colors do not depend on what comes first. */
function meet(view, ledger) {
  const topics = [
    ...new Set([
      ...(view?.topics ?? []).map(({ topic }) => topic),
      ...Object.keys(ledger?.stored ?? {}),
    ]),
  ];
  topics.forEach(markOf);
  legend(topics);
}

function connected({ view, ledger }) {
  retryAt = undefined;
  say(byId("link-next"), "");
  link.dataset.state = "live";
  document.body.dataset.state = "live";
  say(byId("link-state"), "live");
  meet(view, ledger);
  for (const card of document.querySelectorAll("[data-needs-view]")) card.hidden = view === null;
  if (ledger !== null) onLedger.forEach((take) => take(ledger));
  if (view !== null) onView.forEach((take) => take(view));
}

function disconnected(failure) {
  retryAt = failure.retryAt;
  link.dataset.state = "lost";
  document.body.dataset.state = "lost";
  const what = failure.answered ? "answers that cannot be drawn" : "disconnected";
  say(byId("link-state"), `${what} since ${clock(failure.since)}`);
}

/** The countdown is for the eye only: read aloud each second it would be noise. */
setInterval(() => {
  const seconds = retryAt === undefined ? 0 : Math.ceil((retryAt - Date.now()) / 1000);
  say(byId("link-next"), seconds > 0 ? `next try in ${seconds} s` : "");
}, 250);

poll(connected, disconnected);
