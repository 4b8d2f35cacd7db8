// The form: sends a text to one of the client's topics and follows it until it is seen in the store.

import { byId, html, say } from "./dom.js";
import { duration, integer } from "./format.js";

/** The decorated route records to a topic of another name. */
const TOPIC_OF = { "/FIRST_TOPIC_DECORATED": "TXT_ELAPSED" };
const LOOKS_MAX = 15;
/** The answer and the message are measured by two hands where a handler is decorated. */
const MEASURED_APART_MS = 5;

const journey = [];

function show() {
  const steps = journey.map(({ text, state }) => html("li", { "data-state": state }, text));
  byId("journey").replaceChildren(...steps);
}

function step(text, state) {
  journey.push({ text, state });
  show();
}

function settle(text, state) {
  journey[journey.length - 1] = { text, state };
  show();
}

/** What the server's error says, whatever its fields are called. */
async function reasonOf(response) {
  const body = await response.json().catch(() => ({}));
  const words = Object.values(body ?? {}).filter((value) => typeof value === "string");
  return `${response.status}: ${words.join(" ") || response.statusText}`;
}

async function send(path, text) {
  journey.length = 0;
  step(`awaiting the task behind ${path} …`, "running");
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text }),
  });
  if (!response.ok) throw new Error(await reasonOf(response));
  const { textLength, responseTime } = await response.json();
  settle(`answered: ${integer(textLength)} characters in ${duration(responseTime)}`, "done");
  return { topic: TOPIC_OF[path] ?? path.slice(1), textLength, responseTime, looks: 0 };
}

const same = (sent, since) => (message) =>
  message.topic === sent.topic &&
  message.textLength === sent.textLength &&
  Math.abs(message.responseTime - sent.responseTime) <= MEASURED_APART_MS &&
  message.at >= since;

/** Returns what takes each new view and ledger, to see a sent message arrive. */
export function sendForm() {
  const form = byId("send-form");
  const button = form.querySelector("button");
  let awaited;
  let now = 0;

  const measure = () =>
    say(byId("send-length"), `${integer(form.elements.text.value.length)} characters`);
  form.elements.text.addEventListener("input", measure);
  measure();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    awaited = undefined;
    const since = now;
    try {
      const sent = await send(form.elements.path.value, form.elements.text.value);
      awaited = { ...sent, since };
      step("on its way to the store …", "running");
    } catch (error) {
      settle(`not sent. ${error.message}`, "failed");
    }
    button.disabled = false;
  });

  // One line to copy; the spans only keep its words whole where it wraps.
  const words = [
    `curl ${location.origin}/FIRST_TOPIC`,
    "-H 'content-type: application/json'",
    `-d '{"text": "Hello, Kafka"}'`,
  ];
  byId("first-command").append(
    ...words.flatMap((word, at) => [at > 0 ? " " : "", html("span", {}, word)]),
  );
  byId("first-copy").addEventListener("click", async () => {
    const copied = await navigator.clipboard?.writeText(byId("first-command").textContent).then(
      () => true,
      () => false,
    );
    say(byId("first-copy"), copied ? "Copied" : "Select it by hand");
  });

  return {
    ledger({ recorded, stored }) {
      byId("send").hidden = recorded == null;
      const counts = Object.values(stored ?? { recorded });
      byId("first").hidden = counts.some((count) => count > 0);
    },
    view(view) {
      now = view.now;
      if (awaited === undefined) return;
      const found = view.last.find(same(awaited, awaited.since));
      const inCrowd = found === undefined && view.scatter.some(same(awaited, awaited.since));
      awaited.looks += 1;
      if (found !== undefined) {
        settle(
          `stored: ${found.topic}, partition ${found.partition}, offset ${integer(found.offset)}`,
          "done",
        );
      } else if (inCrowd) {
        settle(`stored in ${awaited.topic}`, "done");
      } else if (awaited.looks === LOOKS_MAX) {
        settle(
          "not seen among the newest: too many arrive at once, or the store is behind",
          "failed",
        );
      } else {
        return;
      }
      awaited = undefined;
    },
  };
}
