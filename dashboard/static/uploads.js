// Files: a queue that goes on after a refresh. Each file is sent in pieces to /v1/uploads; the server knows how much of
// it is there, so that a broken connection, a pause or a closed tab costs one piece at most. A browser cannot keep a
// file over a refresh: it is asked for again, and goes on where it stopped.
import { newKey, say, send } from "./act.js";
import { chosenTargets, icon, refreshRecent, showAnswers } from "./submit.js";

const KEPT = "groundswell.uploads";
const PIECE_BYTES = 8 * 2 ** 20;
const RETRY_FIRST_MS = 2000;
const RETRY_MOST_MS = 30000;
const OTHER_TAB_MS = 8000;
const TABLES = { csv: "text/csv", tsv: "text/tab-separated-values", txt: "text/plain" };
const TAB = newKey();

const files = new Map(); // key of an entry -> File, as long as this page is open
const place = document.getElementById("queue");
let entries = load();
let sending = null; // the entry at work, its request, and how fast it goes

function load() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) || [];
  } catch {
    return [];
  }
}

function save() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(entries));
  } catch {
    // Without storage the queue lives as long as the page.
  }
}

const keyOf = (file) => `${file.name}/${file.size}/${file.lastModified}`;
const isOver = (entry) => ["done", "failed"].includes(entry.state);
const isElsewhere = (entry) => entry.tab !== TAB && Date.now() - (entry.touched || 0) < OTHER_TAB_MS && !isOver(entry);

function change(entry, changes) {
  Object.assign(entry, changes, { tab: TAB, touched: Date.now() });
  save();
  show(entry);
}

export function add(file) {
  const key = keyOf(file);
  const known = entries.find((entry) => entry.key === key);
  files.set(key, file);
  if (known && !isOver(known)) change(known, { state: "waiting" });
  else {
    entries = entries.filter((entry) => entry.key !== key);
    const entry = { key, name: file.name, size: file.size, offset: 0, state: "waiting", targets: chosenTargets(), again: document.getElementById("again").checked };
    entries.push(entry);
    change(entry, {});
  }
  showAll();
  next();
}

async function addTable(file, type) {
  const query = new URLSearchParams([...chosenTargets().map((name) => ["targets", name]), ["again", String(document.getElementById("again").checked)]]);
  try {
    const answer = await fetch(`/v1/batches?${query}`, {
      method: "POST", body: file, headers: { "Content-Type": type, "Idempotency-Key": newKey() }, credentials: "same-origin",
    });
    const found = await answer.json();
    if (found.items) showAnswers(found.items);
    if (!answer.ok) throw found;
    say(`${file.name}: ${found.submitted} taken, ${found.refused} refused.`, found.refused ? "warn" : "good");
    refreshRecent();
  } catch (problem) {
    say(problem.detail || "Groundswell does not answer; try again", "bad", problem.title || file.name);
  }
}

function take(list) {
  for (const file of list) {
    const table = TABLES[file.name.split(".").pop().toLowerCase()];
    if (table) addTable(file, table);
    else add(file);
  }
}

// One file at a time: two would only share the same line.
function next() {
  if (sending) return;
  const entry = entries.find((one) => one.state === "waiting" && files.has(one.key));
  if (entry) run(entry);
}

async function run(entry) {
  sending = { entry, request: null, rate: 0, at: performance.now() };
  change(entry, { state: "sending", problem: "" });
  let waitMs = RETRY_FIRST_MS;
  while (sending?.entry === entry && entry.state === "sending") {
    try {
      await sendAll(entry);
    } catch (problem) {
      if (entry.state !== "sending") break;
      if (!mayPass(problem)) {
        change(entry, { state: "failed", problem: problem.detail || problem.title || "the upload broke" });
        break;
      }
      change(entry, { problem: `${problem.detail || "no connection"}; trying again` });
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(waitMs * 2, RETRY_MOST_MS);
    }
  }
  if (sending?.entry === entry) sending = null;
  next();
}

const mayPass = (problem) => problem.status === 0 || problem.status === 429 || problem.status >= 500 || problem.again;

async function sendAll(entry) {
  const file = files.get(entry.key);
  if (!entry.id) await begin(entry, file);
  else await findPlace(entry);
  while (entry.state === "sending") {
    const upload = await sendPiece(entry, file);
    change(entry, { offset: upload.offset_bytes ?? entry.offset, problem: "" });
    if (upload.state !== "finished") continue;
    change(entry, { state: "done", video: upload.video_id, warnings: upload.warnings ?? [] });
    refreshRecent();
  }
}

async function begin(entry, file) {
  const body = { name: file.name.slice(0, 255), size_bytes: file.size, targets: entry.targets, again: entry.again };
  const upload = await send("POST", "/v1/uploads", body);
  change(entry, { id: upload.upload_id, offset: upload.offset_bytes ?? 0 });
}

async function findPlace(entry) {
  try {
    const upload = await send("GET", `/v1/uploads/${entry.id}`);
    change(entry, { offset: upload.offset_bytes ?? 0 });
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    // Nobody went on with it for a day: it begins anew.
    change(entry, { id: "", offset: 0 });
    throw { ...problem, again: true, detail: "it was forgotten meanwhile" };
  }
}

function sendPiece(entry, file) {
  const piece = file.slice(entry.offset, entry.offset + PIECE_BYTES);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    sending.request = request;
    request.open("PATCH", `/v1/uploads/${entry.id}`);
    request.setRequestHeader("Content-Type", "application/partial-upload");
    request.setRequestHeader("Upload-Offset", String(entry.offset));
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => measure(entry, entry.offset + event.loaded));
    request.addEventListener("load", () => {
      const answer = request.response || {};
      if (request.status < 300) resolve(answer);
      else if (request.status === 409) reject({ ...answer, status: 409, again: true });
      else reject({ title: `Error ${request.status}`, ...answer, status: request.status });
    });
    request.addEventListener("error", () => reject({ status: 0, detail: "no connection" }));
    request.addEventListener("abort", () => reject({ status: 0, detail: "stopped" }));
    request.send(piece);
  });
}

function measure(entry, sent) {
  const now = performance.now();
  const passedS = (now - sending.at) / 1000;
  if (passedS < 0.3) return;
  const rate = Math.max(0, sent - (sending.sent ?? entry.offset)) / passedS;
  sending.rate = sending.rate ? 0.7 * sending.rate + 0.3 * rate : rate;
  sending.sent = sent;
  sending.at = now;
  entry.touched = Date.now();
  show(entry, sent);
}

function pause(entry) {
  change(entry, { state: "paused", problem: "" });
  stop(entry);
}

function stop(entry) {
  if (sending?.entry !== entry) return;
  sending.request?.abort();
  sending = null;
  next();
}

function resume(entry) {
  if (!files.has(entry.key)) return ask(entry);
  change(entry, { state: "waiting", problem: "" });
  return next();
}

function ask(entry) {
  say(`Choose ${entry.name} again; it goes on where it stopped.`, "info");
  document.getElementById("files").click();
}

async function cancel(entry) {
  change(entry, { state: "failed", problem: "cancelled" });
  stop(entry);
  entries = entries.filter((one) => one !== entry);
  files.delete(entry.key);
  save();
  showAll();
  if (entry.id && !entry.video) await send("DELETE", `/v1/uploads/${entry.id}`).catch(() => {});
}

// Showing

const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);
const span = (s) => (s < 90 ? `${Math.ceil(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`);

function wordsOf(entry, sent) {
  if (isElsewhere(entry)) return "is being sent in another tab";
  if (entry.state === "done") return "taken";
  if (entry.state === "failed") return entry.problem || "failed";
  const far = `${size(sent)} of ${size(entry.size)}`;
  if (!files.has(entry.key)) return `${far}; choose the file again to go on`;
  if (entry.state === "paused") return `${far}, paused`;
  if (entry.state === "waiting") return "waiting for its turn";
  if (entry.problem) return `${far}; ${entry.problem}`;
  if (sent >= entry.size) return "looking at it …";
  const rate = sending?.rate;
  return rate ? `${far}, ${size(rate)}/s, ${span((entry.size - sent) / rate)} left` : far;
}

function show(entry, sent = entry.offset) {
  const line = [...place.children].find((one) => one.dataset.key === entry.key);
  if (!line) return showAll();
  line.dataset.state = entry.state;
  line.querySelector("progress").value = entry.state === "done" ? 1 : entry.size ? sent / entry.size : 0;
  line.querySelector("[data-words]").textContent = wordsOf(entry, sent);
  line.querySelector("[data-words]").className = `small ${entry.state === "failed" ? "bad-ink" : "muted"}`;
  const kind = kindOf(entry);
  if (line.dataset.kind !== kind) {
    line.dataset.kind = kind;
    line.querySelector("[data-buttons]").replaceChildren(...buttonsOf(entry, kind));
  }
  head();
  return line;
}

function kindOf(entry) {
  if (isElsewhere(entry)) return "elsewhere";
  if (isOver(entry)) return entry.state;
  if (!files.has(entry.key)) return "lost";
  return entry.state === "paused" ? "paused" : "going";
}

function buttonsOf(entry, kind) {
  const go = button(kind === "lost" ? "Choose file" : kind === "failed" ? "Retry" : "Resume", () => resume(entry));
  const drop = button("Cancel", () => cancel(entry));
  if (kind === "going") return [button("Pause", () => pause(entry)), drop];
  if (kind === "done") return [openLink(entry)];
  return kind === "elsewhere" ? [] : [go, drop];
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button small";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

function openLink(entry) {
  const link = document.createElement("a");
  link.className = "button small";
  link.href = `/videos/${encodeURIComponent(entry.video)}`;
  link.textContent = "Open";
  return link;
}

function lineOf(entry) {
  const line = document.createElement("li");
  line.className = "upload";
  line.dataset.key = entry.key;
  const name = document.createElement("bdi");
  name.className = "name upload-name";
  name.textContent = entry.name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", entry.name);
  const words = document.createElement("span");
  words.dataset.words = "";
  const buttons = document.createElement("span");
  buttons.className = "row upload-buttons";
  buttons.dataset.buttons = "";
  line.append(icon("file"), name, bar, words, buttons);
  for (const warning of entry.warnings ?? []) {
    const said = document.createElement("p");
    said.className = "small warn-ink upload-note";
    said.textContent = warning;
    line.append(said);
  }
  return line;
}

function showAll() {
  document.getElementById("queue-box").hidden = entries.length === 0;
  place.replaceChildren(...entries.map(lineOf));
  for (const entry of entries) show(entry);
  head();
}

function head() {
  const open = entries.filter((entry) => !isOver(entry)).length;
  const failed = entries.filter((entry) => entry.state === "failed").length;
  document.querySelector("[data-queue-head]").textContent = open ? `${open} of ${entries.length} uploads to go` : "Uploads";
  document.querySelector("[data-queue-retry]").hidden = failed === 0;
}

if (place) {
  document.getElementById("files").addEventListener("change", (event) => {
    take(event.target.files);
    event.target.value = "";
  });
  document.querySelector("[data-queue-clear]").addEventListener("click", () => {
    entries = entries.filter((entry) => entry.state !== "done");
    save();
    showAll();
  });
  document.querySelector("[data-queue-retry]").addEventListener("click", () => {
    for (const entry of entries.filter((one) => one.state === "failed")) {
      if (files.has(entry.key)) resume(entry);
      else change(entry, { state: "paused" });
    }
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.getElementById("drop").classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.getElementById("drop").classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.getElementById("drop").classList.remove("over");
    take(event.dataTransfer.files);
  });
  addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });
  // Another tab may go on with what this one lets go.
  addEventListener("pagehide", () => {
    for (const entry of entries) if (entry.tab === TAB) entry.touched = 0;
    save();
  });
  setInterval(() => entries.filter((entry) => !files.has(entry.key)).forEach((entry) => show(entry)), OTHER_TAB_MS);
  addEventListener("storage", (event) => {
    if (event.key !== KEPT) return;
    const others = load().filter((entry) => !files.has(entry.key));
    entries = [...entries.filter((entry) => files.has(entry.key)), ...others];
    showAll();
  });
  // What was on its way when the page went away waits for its file.
  for (const entry of entries) if (!isOver(entry) && !isElsewhere(entry)) entry.state = "paused";
  showAll();
}
