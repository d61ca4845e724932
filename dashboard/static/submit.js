// Links: sent in bundles, answered line by line at once; what was refused stays in the field to be mended.
import { newKey, say, send } from "./act.js";
import { follow, isNewer, seldom } from "./live-follow.js";

const BUNDLE = 100;
const ASK_FIRST_MS = 1500;
const ASK_MOST_MS = 20000;
const ASKED_AT_ONCE = 50;
const MOST_SHOWN = 200;
const RECENT_MS = 2500;
const DRAFT = "groundswell.links";

const form = document.getElementById("links");
const field = document.getElementById("urls");
const list = document.getElementById("answers-list");
const icons = document.getElementById("icons").content;
const told = { taken: 0, refused: 0 };
let waitMs = ASK_FIRST_MS;
let timer = 0;

const lines = () => field?.value.split(/\r?\n/).map((line) => line.trim()).filter(Boolean) ?? [];

export function icon(name) {
  return icons.querySelector(`[data-icon="${name}"] svg`).cloneNode(true);
}

export function chosenTargets() {
  return [...document.querySelectorAll("#targets input:checked")].map((box) => box.value);
}

/** Keep in the address which targets are ticked: reloaded, or opened by somebody else, it asks for the same. */
function noteTargets() {
  const url = new URL(location.href);
  url.searchParams.delete("target");
  for (const name of chosenTargets()) url.searchParams.append("target", name);
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}

document.getElementById("targets")?.addEventListener("change", noteTargets);
// A browser that comes back to the page may tick what was ticked when it was left.
if (form) addEventListener("pageshow", noteTargets);

/** Show what became of each link, in their order; of very many the refused ones first, and no more than can be read. */
export function showAnswers(items) {
  const refused = items.filter((item) => item.state === "refused");
  const few = items.length <= MOST_SHOWN;
  const first = few ? items : [...refused, ...items.filter((item) => item.state !== "refused")].slice(0, MOST_SHOWN);
  document.getElementById("answers").hidden = false;
  list.prepend(...first.map(answerLine));
  while (list.children.length > MOST_SHOWN) list.lastElementChild.remove();
  told.refused += refused.length;
  told.taken += items.length - refused.length;
  sayHowMany();
  waitMs = ASK_FIRST_MS;
  askLater();
}

function sayHowMany() {
  const shown = list.children.length;
  const head = document.querySelector("[data-answers-head]");
  head.textContent = told.refused ? `${told.taken} taken, ${told.refused} refused` : `${told.taken} taken`;
  if (shown < told.taken + told.refused) head.textContent += `; ${shown} are shown here, Progress has what runs`;
}

function answerLine(item) {
  const line = document.createElement("li");
  line.className = "answer";
  line.dataset.answer = item.state;
  const mark = document.createElement("span");
  const known = item.state !== "refused" && item.known;
  mark.className = item.state === "refused" ? "bad-ink" : known ? "warn-ink" : "good-ink";
  mark.append(icon(item.state === "refused" ? "fail" : known ? "warn" : "check"));
  const body = document.createElement("div");
  body.className = "grow";
  body.append(item.state === "refused" ? words("bdi", item.source, "mono small") : linkTo(item));
  for (const said of item.state === "refused" ? [item.problem] : (item.warnings ?? [])) body.append(words("p", said, "small muted"));
  line.append(mark, body);
  if (item.video_id) {
    const now = document.createElement("ol");
    now.className = "lines now";
    now.dataset.now = item.video_id;
    body.append(now);
  }
  return line;
}

function linkTo(item) {
  const link = words("a", item.video_id, "mono small");
  link.href = `/videos/${encodeURIComponent(item.video_id)}`;
  return link;
}

function words(tag, text, look) {
  const element = document.createElement(tag);
  element.className = look;
  element.textContent = text || "";
  return element;
}

// What becomes of them: asked again ever more seldom until nothing is at work, and at once when a push says so.
function askLater(afterMs = waitMs) {
  clearTimeout(timer);
  timer = setTimeout(ask, afterMs);
}

async function ask() {
  const open = [...list.querySelectorAll("[data-now]")].filter((one) => !isOver(one)).slice(0, ASKED_AT_ONCE);
  if (!open.length) return;
  const query = new URLSearchParams(open.map((one) => ["video_id", one.dataset.now]));
  try {
    const answer = await fetch(`/submitted?${query}`, { headers: { "HX-Request": "true" } });
    if (answer.ok) fill(await answer.text());
  } catch {
    // Away for a moment: the next question finds it.
  }
  waitMs = Math.min(waitMs * 1.4, ASK_MOST_MS);
  askLater();
}

function isOver(box) {
  const state = box.firstElementChild?.dataset.state;
  return state !== undefined && state !== "running";
}

function fill(html) {
  const parsed = new DOMParser().parseFromString(`<ol>${html}</ol>`, "text/html");
  for (const line of parsed.querySelectorAll("li[data-video]")) {
    for (const box of list.querySelectorAll("[data-now]")) {
      if (box.dataset.now === line.dataset.video) box.replaceChildren(document.importNode(line, true));
    }
  }
}

async function submitAll(urls) {
  const refused = [];
  for (let start = 0; start < urls.length; start += BUNDLE) {
    const bundle = urls.slice(start, start + BUNDLE);
    const items = await submitSome(bundle);
    showAnswers(items);
    refused.push(...items.filter((item) => item.state === "refused").map((item) => item.source));
    field.value = [...refused, ...urls.slice(start + BUNDLE)].join("\n");
  }
  return refused;
}

async function submitSome(urls) {
  const body = { urls, targets: chosenTargets(), again: document.getElementById("again").checked };
  try {
    const answer = await send("POST", "/v1/videos", body, { "Idempotency-Key": newKey() });
    for (const warning of answer.warnings ?? []) say(warning, "warn");
    return answer.items;
  } catch (problem) {
    // When nothing can be taken, the problem has the links one by one.
    if (problem.items?.length) return [...problem.items, ...urls.slice(problem.items.length).map((source) => ({ source, state: "refused", problem: problem.detail }))];
    throw problem;
  }
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const urls = lines();
  if (!urls.length) {
    say("Paste a link first, one a line.", "warn");
    field.focus();
    return;
  }
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  try {
    const refused = await submitAll(urls);
    if (refused.length) say("What was refused stays in the field, to be mended.", "warn");
    refreshRecent();
  } catch (problem) {
    say(problem.detail || "", "bad", problem.title || "Nothing was sent");
  } finally {
    form.removeAttribute("aria-busy");
    noteDraft();
  }
});

/** Look at the list of what was submitted last again. */
export function refreshRecent() {
  const recent = document.getElementById("recent");
  if (recent) window.htmx?.trigger(recent, "refresh");
}

follow((row) => isNewer(row, document.getElementById("recent")), seldom(refreshRecent, RECENT_MS));
if (list) follow((row) => [...list.querySelectorAll("[data-now]")].some((one) => one.dataset.now === row.video_id), seldom(ask, ASK_FIRST_MS));

function noteDraft() {
  try {
    sessionStorage.setItem(DRAFT, field.value);
  } catch {
    // A browser that keeps nothing loses the draft on reload, and nothing else.
  }
  const count = lines().length;
  document.querySelector("[data-links-count]").textContent = count > 1 ? `${count} links` : "";
}

field?.addEventListener("input", noteDraft);
field?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
document.querySelector("[data-answers-clear]")?.addEventListener("click", () => {
  list.replaceChildren();
  told.taken = told.refused = 0;
  document.getElementById("answers").hidden = true;
});

if (field) {
  try {
    field.value ||= sessionStorage.getItem(DRAFT) ?? "";
  } catch {
    // As above.
  }
  noteDraft();
}
