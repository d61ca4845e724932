// What changes, as it changes, for any page:
//
//   import { live } from "./live.js";
//   live.on("video", (row) => ...);           // a VideoRow, as of now
//   live.on("gone", ({ video_id }) => ...);   // erased
//   live.on("change", ({ kind, id }) => ...); // a person, label, release, dead letter, command, job changed
//   live.on("snapshot", ({ videos, more }) => ...); // we were away: these run; ask again for what else you show
//   live.on("stale", () => ...);              // the page was asleep: ask again for all that you show
//   live.on("state", (state) => ...);         // live, reconnecting, catching up, ended
//
// Events come from GET /v1/events by way of one SharedWorker for all tabs. Where there is none, a tab holds a stream
// of its own, only while it is seen.
import { Stream } from "./live-stream.js";

const WORDS = {
  live: "Live",
  reconnecting: "Reconnecting",
  "catching up": "Catching up",
  ended: "Log in again",
};
const LOOKS = { live: "on", reconnecting: "lost", "catching up": "lost", ended: "lost" };
const listeners = new Map();

export const live = {
  state: "",
  /** Listen; the answer ends it. */
  on(type, listener) {
    if (!listeners.has(type)) listeners.set(type, new Set());
    listeners.get(type).add(listener);
    if (type === "state" && live.state) listener(live.state);
    return () => listeners.get(type).delete(listener);
  },
};

function tell(type, text) {
  if (type === "state") show(text);
  const found = listeners.get(type);
  if (!found?.size) return;
  const data = type === "state" ? text : text && JSON.parse(text);
  for (const listener of found) listener(data);
}

function show(state) {
  live.state = state;
  for (const element of document.querySelectorAll("[data-live]")) {
    element.dataset.state = LOOKS[state];
    element.title = WORDS[state];
    const words = element.querySelector("[data-live-words]") || element;
    words.textContent = WORDS[state];
  }
}

function together() {
  const worker = new SharedWorker(new URL("./live-worker.js", import.meta.url), { type: "module", name: "groundswell" });
  worker.onerror = alone; // a browser that has no modules in workers
  worker.port.onmessage = ({ data: [type, text] }) => tell(type, text);
  worker.port.postMessage("join");
  addEventListener("pagehide", () => worker.port.postMessage("leave"));
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    worker.port.postMessage("join");
    tell("stale", "");
  });
}

function alone() {
  const stream = new Stream(tell);
  const follow = () => (document.hidden ? stream.close() : stream.open());
  document.addEventListener("visibilitychange", follow);
  follow();
}

if ("SharedWorker" in window) together();
else alone();
