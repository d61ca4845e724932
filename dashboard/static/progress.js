// Keeps the rows of the progress page as the server says. Rows are found by key and changed in place, once a frame.
import { live } from "./live.js";

const page = document.getElementById("progress");
const only = new Set(page.dataset.only.split(" ").filter(Boolean));
const onTheWay = page.dataset.stages.split(" ");
const stageWords = JSON.parse(page.dataset.stageWords);
const words = (document.getElementById("text").defaultValue || "").toLowerCase().split(/\s+/).filter(Boolean);
const rows = new Map([...page.querySelectorAll("[data-video]")].map((element) => [element.dataset.video, element]));
const heard = new Map(); // video id -> its newest row, null when it is gone
let meanwhile = null; // what is heard while the page is asked for once more
const newest = new Map(); // what runs, for times that go on between two events
let frame = 0;

live.on("video", (row) => hear(row.video_id, row));
live.on("gone", ({ video_id }) => hear(video_id, null));
live.on("snapshot", ({ videos }) => {
  // It comes when the stream begins, and has what runs: not what ended since this page was made.
  reread();
  for (const row of videos) hear(row.video_id, row);
});
live.on("stale", reread);
setInterval(() => newest.size && wake(), 5000);

function hear(id, row) {
  heard.set(id, row);
  meanwhile?.set(id, row);
  wake();
}

function wake() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  for (const [id, row] of heard) {
    if (row) put(row);
    else drop(id);
  }
  heard.clear();
  for (const [id, row] of newest) write(rows.get(id), ".run-pace", pace(row));
  count();
}

function drop(id) {
  rows.get(id)?.remove();
  rows.delete(id);
  newest.delete(id);
}

/** Show a row where its state belongs; forget it where this page does not show that. */
function put(row) {
  const list = page.querySelector(`[data-runs="${row.state}"]`);
  let element = rows.get(row.video_id);
  if (!list || !fits(row)) return drop(row.video_id);
  if (!element) {
    element = document.getElementById("run-template").content.firstElementChild.cloneNode(true);
    rows.set(row.video_id, element);
  }
  if (element.dataset.state !== row.state || !element.isConnected) recount();
  fill(element, row);
  if (element.parentElement !== list) list.prepend(element);
  if (row.state === "running") newest.set(row.video_id, row);
  else newest.delete(row.video_id);
}

function fits(row) {
  if (only.size && !only.has(row.video_id)) return false;
  const text = `${row.title || ""} ${row.channel || ""} ${row.video_id}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function fill(element, row) {
  const path = encodeURIComponent(row.video_id).replaceAll("%3A", ":");
  set(element, "data-video", row.video_id);
  set(element, "data-state", row.state);
  set(element.querySelector(".run-title"), "href", `/videos/${path}`);
  write(element, ".run-title bdi", plain(row.title || "") || plain(row.url || "").slice(0, 120) || row.video_id);
  write(element, ".run-about bdi", plain(row.channel || ""));
  write(element, ".run-problem", plain(row.problem || ""));
  element.querySelector(".run-problem").hidden = !row.problem;
  const again = element.querySelector(".run-again");
  if (again) {
    set(again, "data-post", `/v1/videos/${path}/retry`);
    again.hidden = row.state !== "failed";
  }
  write(element, ".run-pace", row.state === "running" ? pace(row) : outcome(row));
  bars(element, stagesOf(row));
}

function bars(element, stages) {
  const list = element.querySelector(".stages");
  const now = new Map([...list.children].map((one) => [one.dataset.stage, one]));
  for (const stage of stages) {
    const bar = now.get(stage.stage) || list.appendChild(newBar(stage.stage));
    const share = shareOf(stage);
    set(bar, "class", `stage ${stage.state}`);
    set(bar, "title", `${stage.stage}: ${stage.state}${stage.message ? ", " + plain(stage.message).slice(0, 200) : ""}`);
    set(bar.querySelector("svg"), "aria-label", `${stage.stage} ${stage.state}, ${Math.round(100 * share)}%`);
    set(bar.querySelector(".fill"), "width", `${(100 * share).toFixed(1)}%`);
    now.delete(stage.stage);
  }
  for (const gone of now.values()) gone.remove();
}

/** What was heard; of what runs also what is to come. */
function stagesOf(row) {
  const stages = row.stages || [];
  if (row.state !== "running") return stages;
  return onTheWay.map((name) => stages.find((one) => one.stage === name) || { stage: name, state: "waiting" });
}

function newBar(name) {
  const bar = document.getElementById("stage-template").content.firstElementChild.cloneNode(true);
  bar.dataset.stage = name;
  bar.querySelector(".stage-name").textContent = stageWord(name);
  return bar;
}

function shareOf(stage) {
  if (stage.state !== "running" && stage.state !== "waiting") return 1;
  return stage.total ? Math.min(1, (stage.done || 0) / stage.total) : 0;
}

/** As dashboard/pages/pace.py says it. */
function pace(row) {
  let longest = null;
  for (const stage of row.stages || []) {
    const seen = (stage.at_s || 0) - (stage.first_at_s || 0);
    if (stage.state !== "running" || !stage.total || !stage.done || seen < 2) continue;
    const rate = stage.done / seen;
    const left = Math.max(0, stage.total - stage.done) / rate - (Date.now() / 1000 - stage.at_s);
    if (!longest || left > longest.left) longest = { left, rate, name: stage.stage };
  }
  if (longest) return `${stageWord(longest.name)}: ${about(longest.left)} left, ${speed(longest)}`;
  const running = (row.stages || []).findLast((stage) => stage.state === "running");
  const waiting = stagesOf(row).find((stage) => stage.state === "waiting");
  if (running) return `${stageWord(running.stage)}: under way`;
  return waiting ? `next: ${stageWord(waiting.stage)}` : "";
}

/** As dashboard/pages/saying.py says it. */
function stageWord(name) {
  return stageWords[name] || name;
}

function speed({ name, rate }) {
  if (name === "fetch") return rate < 1e6 ? `${Math.round(rate / 1e3)} kB/s` : `${(rate / 1e6).toFixed(1)} MB/s`;
  if (name === "segment") return `${figure(rate)} s of video a second`;
  return `${figure(rate * 60)} segments a minute`;
}

function figure(value) {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function about(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 60) return `about ${5 * Math.round(seconds / 5)} s`;
  if (seconds < 3600) return `about ${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `about ${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return "more than a day";
}

function outcome(row) {
  const first = row.state === "done" && row.predictions?.[0];
  return first ? `${first.target.replaceAll("_", " ")} ${told(first)}` : "";
}

/** As dashboard/pages/saying.py says it. */
function told({ value, unit }) {
  if (unit.startsWith("chance")) return `${Math.round(100 * value)}%`;
  if (!unit.startsWith("percentile")) return figure(value);
  const whole = Math.round(value);
  const teen = whole % 100 > 10 && whole % 100 < 14;
  return `${whole}${(!teen && ["", "st", "nd", "rd"][whole % 10]) || "th"} percentile`;
}

/** Without characters that turn text around or cannot be seen. */
function plain(text) {
  return text.slice(0, 800).replace(/[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u0000-\u0008\u000b-\u001f\u007f]/g, "");
}

function write(element, selector, text) {
  const found = element?.querySelector(selector);
  if (found && found.textContent !== text) found.textContent = text;
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Count what is shown; a part that is empty stays away, unless it is all that was asked for. */
function count() {
  for (const part of page.querySelectorAll("[data-part]")) {
    const some = part.querySelector(".run") !== null;
    part.querySelector(".run-none").hidden = some;
    if (!page.dataset.shown) part.hidden = !some;
  }
  page.querySelector("[data-empty]").hidden = rows.size > 0 || page.dataset.shown !== "";
}

let recounting = 0;
/** Have the numbers on the tabs told anew, soon: this page does not see all videos. */
function recount() {
  recounting ||= setTimeout(async () => {
    recounting = 0;
    const fresh = await freshPage();
    if (fresh) takeCounts(fresh);
  }, 3000);
}

/** Ask for the page once more, and take what it says: after a time away, this is the truth. What was typed stays. */
async function reread() {
  if (meanwhile) return;
  meanwhile = new Map();
  const fresh = await freshPage();
  if (fresh) take(fresh);
  for (const [id, row] of meanwhile) heard.set(id, row);
  meanwhile = null;
  draw(); // at once: what was heard is newer than the page, and nothing may step back for a moment
}

async function freshPage() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null; // away again: when it is back there will be a snapshot
  }
}

function takeCounts(fresh) {
  for (const tab of page.querySelectorAll("[data-tab]")) {
    const theirs = fresh.querySelector(`[data-tab="${tab.dataset.tab}"] [data-count]`);
    if (theirs) tab.querySelector("[data-count]").textContent = theirs.textContent;
  }
}

function take(fresh) {
  for (const list of page.querySelectorAll("[data-runs]")) {
    const theirs = fresh.querySelector(`[data-runs="${list.dataset.runs}"]`);
    if (theirs) list.replaceChildren(...theirs.children);
  }
  takeCounts(fresh);
  rows.clear();
  newest.clear();
  for (const element of page.querySelectorAll("[data-video]")) rows.set(element.dataset.video, element);
  count();
}
