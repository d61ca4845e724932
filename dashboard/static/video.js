// A video's page: jumping, playback speed, keys, the zoomable timeline, and parts that fill in while it is processed.
import { say } from "./act.js";
import { follow, seldom } from "./live-follow.js";
import { live } from "./live.js";

const ZOOM_MOST = 40;
const JUMP_S = 5;
const REFRESH_MS = 1500;
const NOTE_MS = 300;
const FASTEST = 4;
const player = document.getElementById("player");
const still = document.getElementById("still");
let zoom = 1;
let now = 0;

const lanes = () => document.getElementById("lanes");
const scroll = () => document.getElementById("lanes-scroll");

function jump(at, { play = false } = {}) {
  if (player) {
    const there = Math.abs(player.currentTime - at) < 0.05;
    player.currentTime = at;
    if (play || there) player.play().catch(() => {});
  } else if (still) {
    still.src = still.dataset.frames.replace("{ms}", String(Math.round(at * 1000)));
    still.alt = `Keyframe at ${at.toFixed(1)} seconds`;
  }
  show(at);
  keep("t", at.toFixed(1));
}

/** The whole state of the page is in its address: somebody else sees the same. */
function keep(name, value) {
  const url = new URL(location);
  if (value === "1") url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  history.replaceState(history.state, "", url);
}

const kept = (name) => Number(new URL(location).searchParams.get(name)) || 1;

function show(at) {
  now = at;
  const line = document.getElementById("playhead");
  if (!line) return;
  const percent = `${(100 * at) / Number(lanes().dataset.duration)}%`;
  line.setAttribute("x1", percent);
  line.setAttribute("x2", percent);
}

function setZoom(next, at = now) {
  zoom = Math.min(Math.max(next, 1), ZOOM_MOST);
  const all = lanes();
  if (!all) return;
  all.setAttribute("width", `${Math.round(zoom * 100)}%`);
  const box = scroll();
  const x = (at / Number(all.dataset.duration)) * box.clientWidth * zoom;
  box.scrollLeft = x - box.clientWidth / 2;
}

let noting = 0;
/** As `setZoom`, and note it in the address when the wheel stands still: browsers refuse to be told too often. */
function zoomTo(next, at) {
  setZoom(next, at);
  clearTimeout(noting);
  noting = setTimeout(() => keep("zoom", String(Number(zoom.toFixed(2)))), NOTE_MS);
}

const marksOf = (lane) => [...lane.querySelectorAll("a[data-jump]")];

function focusMark(mark, from) {
  if (!mark) return;
  from.setAttribute("tabindex", "-1");
  mark.setAttribute("tabindex", "0");
  mark.focus();
}

function nearest(marks, start) {
  return marks.reduce((best, mark) => (!best || away(mark, start) < away(best, start) ? mark : best), null);
}
const away = (mark, start) => Math.abs(Number(mark.dataset.start) - start);

function moveInTimeline(event, mark) {
  const lane = mark.closest("[data-lane]");
  const marks = marksOf(lane).sort((a, b) => a.dataset.start - b.dataset.start);
  const place = marks.indexOf(mark);
  if (event.key === "ArrowRight") return focusMark(marks[place + 1], mark);
  if (event.key === "ArrowLeft") return focusMark(marks[place - 1], mark);
  const all = [...lanes().querySelectorAll("[data-lane]")].filter((one) => marksOf(one).length);
  const next = all[all.indexOf(lane) + (event.key === "ArrowDown" ? 1 : -1)];
  return next && focusMark(nearest(marksOf(next), Number(mark.dataset.start)), mark);
}

function shot(direction) {
  const starts = [...document.querySelectorAll(".lane.shots a[data-jump]")].map((a) => Number(a.dataset.start));
  const found = direction > 0 ? starts.find((s) => s > now + 0.05) : starts.reverse().find((s) => s < now - 0.3);
  if (found !== undefined) jump(found);
}

function speed(rate) {
  if (!player) return;
  player.playbackRate = rate;
  for (const button of document.querySelectorAll("[data-speed]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === rate));
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-jump], [data-seek], [data-zoom], [data-speed], [data-copy-link]");
  if (!target) return;
  const { jump: at, seek, zoom: how, speed: rate } = target.dataset;
  if (at !== undefined || seek !== undefined) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    jump(Number(at ?? seek));
  } else if (how) zoomTo(how === "fit" ? 1 : zoom * (how === "in" ? 1.6 : 1 / 1.6));
  else if (rate) {
    speed(Number(rate));
    keep("speed", rate);
  } else copyLink();
});

async function copyLink() {
  const url = new URL(location);
  if (now > 0.5) url.searchParams.set("t", now.toFixed(1));
  try {
    await navigator.clipboard.writeText(url.href);
    say("The link is copied; it opens at this moment.", "good");
  } catch {
    say(`Copy this yourself: ${url.href}`, "warn");
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog")) return;
  const mark = event.target.closest("#lanes a[data-jump]");
  if (mark && event.key.startsWith("Arrow")) {
    event.preventDefault();
    moveInTimeline(event, mark);
  } else if (["+", "=", "-", "0"].includes(event.key)) {
    const at = mark ? Number(mark.dataset.start) : now;
    zoomTo(event.key === "0" ? 1 : zoom * (event.key === "-" ? 1 / 1.6 : 1.6), at);
  } else if (event.key === "[") shot(-1);
  else if (event.key === "]") shot(1);
  else if (player && event.key === "k") player.paused ? player.play().catch(() => {}) : player.pause();
  else if (player && event.key === "j") jump(Math.max(0, player.currentTime - JUMP_S));
  else if (player && event.key === "l") jump(player.currentTime + JUMP_S);
});

document.addEventListener(
  "wheel",
  (event) => {
    const box = event.target.closest?.("#lanes-scroll");
    if (!box || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const x = (event.clientX - box.getBoundingClientRect().left + box.scrollLeft) / lanes().clientWidth;
    zoomTo(zoom * (event.deltaY < 0 ? 1.25 : 0.8), x * Number(lanes().dataset.duration));
  },
  { passive: false },
);

// What is found fills in while the video is processed; a film that plays goes on, and so does what is looked at.
const parts = () => document.getElementById("video-sections");
let isGone = false;
live.on("gone", ({ video_id: id }) => {
  if (id !== parts().dataset.video) return;
  isGone = true;
  say("This video was erased; nothing here is kept any more.", "warn");
});
follow(
  (row) => row.video_id === parts().dataset.video && row.changed_at_s > Number(parts().dataset.changed),
  seldom(() => isGone || window.htmx?.trigger(parts(), "refresh"), REFRESH_MS),
);

document.addEventListener("htmx:afterSettle", () => {
  if (!player && !still && "pictured" in parts().dataset) location.reload();
  setZoom(zoom);
  show(now);
});

// On a phone the whole length would leave no room for words.
const READABLE_PX = 640;
const box = scroll();
if (box && kept("zoom") !== 1) setZoom(kept("zoom"), Number((player || still?.closest("[data-start]"))?.dataset.start) || 0);
else if (box && box.clientWidth < READABLE_PX) setZoom(READABLE_PX / box.clientWidth, 0);

if (player) {
  if (kept("speed") !== 1) speed(Math.min(Math.max(kept("speed"), 1 / FASTEST), FASTEST));
  player.addEventListener("timeupdate", () => show(player.currentTime));
  const start = Number(player.dataset.start);
  if (start > 0) player.addEventListener("loadedmetadata", () => (player.currentTime = start), { once: true });
} else if (still) {
  show(Number(still.closest("[data-start]").dataset.start));
}
