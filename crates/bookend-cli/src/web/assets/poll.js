// Asks the server again and again: each second while it answers, less and less often while it does not.

const EVERY_MS = 1_000;
const BACK_OFF_MAX_MS = 15_000;
const ANSWER_WITHIN_MS = 5_000;

/** A process that only sends has no view: that is an answer (`null`), not a failure. */
async function read(path) {
  const response = await fetch(path, {
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** How long to wait after `failures` in a row. Pure. */
export const waitAfter = (failures) =>
  Math.min(EVERY_MS * 2 ** Math.max(0, failures - 1), BACK_OFF_MAX_MS);

/**
 * Calls `onData({ view, ledger })` after each answer and
 * `onFailure({ since, answered, retryAt })` after each failure, for ever. `answered` tells an answer that
 * could not be drawn from none.
 */
export async function poll(onData, onFailure) {
  let failures = 0;
  let since;
  for (;;) {
    let answered = false;
    try {
      const [view, ledger] = await Promise.all([read("/api/view"), read("/api/ledger")]);
      answered = true;
      onData({ view, ledger });
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === 1) since = Date.now();
      console.warn(error);
      onFailure({ since, answered, retryAt: Date.now() + waitAfter(failures) });
    }
    await nextLook(waitAfter(failures));
  }
}

/** Waits `ms`, and while nobody looks at the page, until somebody does. */
async function nextLook(ms) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  while (document.hidden) {
    await new Promise((resolve) =>
      document.addEventListener("visibilitychange", resolve, { once: true }),
    );
  }
}
