// Asking a page's parts again when something they show has changed, and never more often than they can be read.
import { live } from "./live.js";

/** Call `act` soon after `wake`, once for many calls, at most every `everyMs`; not while nobody looks. */
export function seldom(act, everyMs) {
  let timer = 0;
  let last = -Infinity;
  const run = () => {
    timer = 0;
    if (document.hidden) return document.addEventListener("visibilitychange", wake, { once: true });
    last = performance.now();
    return act();
  };
  const wake = () => {
    timer ||= setTimeout(run, Math.max(200, last + everyMs - performance.now()));
  };
  return wake;
}

const LAG_S = 5;

/** Whether something happened after a page was made, as far as clocks and topics agree. */
export function isNewer(row, element) {
  return row.changed_at_s > Number(element?.dataset.now ?? 0) - LAG_S;
}

/** Call `wake` for each video that changes and that `isShown` knows, and whenever we were away. */
export function follow(isShown, wake) {
  live.on("video", (row) => isShown(row) && wake());
  live.on("gone", () => wake());
  whenAway(wake);
}

/** Call `wake` when a person, a job or another thing of these kinds changes, and whenever we were away. */
export function followKinds(kinds, wake) {
  live.on("change", ({ kind }) => kinds.includes(kind) && wake());
  whenAway(wake);
}

function whenAway(wake) {
  // It comes when the stream begins: what happened between the making of the page and now was told to nobody.
  live.on("snapshot", () => wake());
  live.on("stale", wake);
}
