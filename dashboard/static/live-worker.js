// Holds the one event stream of this browser, and hands what comes to every tab: a server of HTTP/1.1 is given six
// connections by a browser, and a stream in each tab would take them all.
import { Stream } from "./live-stream.js";

const KEPT_MS = 60_000; // a page that opens now was rendered less than this ago
const MOST_KEPT = 500;
const ports = new Set();
const kept = new Map(); // video id -> [when, type, text]: what a new tab may have missed while it was loading
let state = "reconnecting";

const stream = new Stream((type, text) => {
  if (type === "state") {
    if (text === state) return;
    state = text;
  }
  if (type === "video" || type === "gone") keep(type, text);
  if (type === "beat") return;
  for (const port of ports) port.postMessage([type, text]);
});

function keep(type, text) {
  const id = JSON.parse(text).video_id;
  kept.delete(id);
  kept.set(id, [Date.now(), type, text]);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}

function join(port) {
  if (!ports.size) stream.open();
  ports.add(port);
  port.postMessage(["state", state]);
  for (const [when, type, text] of kept.values()) if (Date.now() - when < KEPT_MS) port.postMessage([type, text]);
}

function leave(port) {
  ports.delete(port);
  if (!ports.size) stream.close();
}

self.addEventListener("connect", (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => (data === "leave" ? leave(port) : join(port));
});
