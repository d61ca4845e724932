// Labelling by keyboard. An answer is shown as given at once and sent behind it; one that is refused comes back.

import { newKey, say, send } from "./act.js";

const USUAL = { yes: "y", no: "n", skip: "s", undo: "u" };
const ARROWS = { ArrowRight: "yes", ArrowLeft: "no", ArrowDown: "skip", ArrowUp: "undo" };
const KEPT_UNDER = "groundswell-label-keys";
const WANTED = 6;
const FEW = 3;
const LOOK_AGAIN_MS = 1500;
const WHY = {
  words: "fits the words of the class",
  unlike: "least like the class: something that is not is wanted",
  unsure: "the classifier is least sure",
  likely: "the classifier finds it likely",
  new: "like nothing judged so far",
};

const box = document.querySelector("[data-questions]");
let waiting = [];
let given = [];
let answered = 0;
let asking = false;
let over = false;
let sending = Promise.resolve();
const unsent = [];

function keys() {
  try {
    return { ...USUAL, ...JSON.parse(localStorage.getItem(KEPT_UNDER) || "{}") };
  } catch {
    return USUAL;
  }
}

function element(tag, words = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = words;
  if (className) made.className = className;
  return made;
}

function time(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function frames(question) {
  const place = box.querySelector("[data-frames]");
  place.replaceChildren();
  const length = question.end_s - question.start_s;
  const times = length > 0 ? [1 / 6, 1 / 2, 5 / 6].map((share) => question.start_s + share * length) : [question.start_s];
  place.classList.toggle("one", times.length === 1);
  for (const at of times) {
    const picture = new Image();
    picture.alt = "";
    picture.addEventListener("error", () => picture.remove());
    picture.src = `/v1/videos/${encodeURIComponent(question.video_id)}/frames/${Math.round(at * 1000)}.jpg`;
    place.append(picture);
  }
}

function show() {
  const about = box.querySelector("[data-about]");
  const answers = box.querySelector("[data-answers]");
  const question = waiting[0];
  box.toggleAttribute("data-waiting", !question && !over && !given.length);
  if (!question) {
    answers.hidden = !given.length;
    box.querySelector("[data-frames]").replaceChildren();
    if (over) about.replaceChildren(element("p", "Nothing is left to ask of this class.", "muted"));
    return;
  }
  answers.hidden = "readonly" in box.dataset;
  frames(question);
  const head = element("p");
  const title = document.createElement("a");
  title.href = `/videos/${encodeURIComponent(question.video_id)}?t=${question.start_s}`;
  const name = document.createElement("bdi");
  name.textContent = question.title || question.video_id;
  title.append(name);
  const span = question.end_s ? `${time(question.start_s)} – ${time(question.end_s)}` : "whole video";
  head.append(title, element("span", `  ${span}`, "muted num"));
  const parts = [head];
  if (question.words) {
    const quote = document.createElement("blockquote");
    const words = document.createElement("bdi");
    words.textContent = question.words.slice(0, 800);
    quote.append(words);
    parts.push(quote);
  } else parts.push(element("p", "Nothing is said.", "muted small"));
  const seen = [...question.seen].sort((a, b) => b.score - a.score).slice(0, 8);
  if (seen.length) {
    const row = element("p", "", "row");
    for (const one of seen) row.append(element("span", `${one.name} ${Math.round(100 * one.score)}%`, "tag"));
    parts.push(row);
  }
  const chance = question.chance == null ? "" : `, ${Math.round(100 * question.chance)}%`;
  parts.push(element("p", `Asked because: ${WHY[question.why] || question.why}${chance}.`, "hint"));
  about.replaceChildren(...parts);
}

async function more() {
  if (asking || over) return;
  asking = true;
  const query = new URLSearchParams({ target: box.dataset.target, class: box.dataset.class, count: WANTED });
  if (box.dataset.shared) query.set("shared", "true");
  try {
    await sending;
    const answer = await send("get", `/v1/labels/queue?${query}`);
    if (answer.state === "ready") take(answer);
    else waitFor(answer);
  } catch (problem) {
    if (!waiting.length) tell(problem.title, problem.detail);
    if (![401, 403, 404].includes(problem.status)) setTimeout(more, 4 * LOOK_AGAIN_MS);
  } finally {
    asking = false;
  }
}

function take(answer) {
  const known = new Set([...waiting, ...given.map((one) => one.question)].map(placeOf));
  waiting.push(...answer.questions.filter((question) => !known.has(placeOf(question))));
  if (!answer.candidates) {
    setTimeout(more, 4 * LOOK_AGAIN_MS);
    return tell("There is nothing to label yet", "Submit some videos; their pieces come here as they are watched.", true);
  }
  over = !answer.questions.length && !waiting.length;
  show();
}

function waitFor(answer) {
  if (answer.state === "failed") tell("Nothing can be asked now", `${answer.problem}; trying again`);
  else if (!waiting.length) box.querySelector("[data-about]").replaceChildren(element("p", "Preparing: reading what there is to label. The first time this takes a moment …", "muted"));
  setTimeout(more, answer.state === "failed" ? 4 * LOOK_AGAIN_MS : LOOK_AGAIN_MS);
}

function tell(title, words, isEmpty = false) {
  box.removeAttribute("data-waiting");
  const parts = [element("p", title, isEmpty ? "" : "bad-ink"), element("p", words, "muted")];
  if (isEmpty) {
    const link = element("a", "Submit videos", "button primary");
    link.href = "/";
    parts.push(link);
  } else {
    const again = element("button", "Try again", "button");
    again.type = "button";
    again.addEventListener("click", more);
    parts.push(again);
  }
  box.querySelector("[data-about]").replaceChildren(...parts);
}

const placeOf = (question) => `${question.video_id}/${question.scope}`;

function count(value, by) {
  const cell = document.querySelector(`[data-row="${box.dataset.class}"] [data-n="${value}"]`);
  if (cell) cell.textContent = Number(cell.textContent) + by;
  const tab = document.querySelector(`[data-count-of="${box.dataset.class}"]`);
  if (tab && value !== "skip") tab.textContent = Number(tab.textContent) + by;
  answered += by;
  const goal = Number(box.dataset.goal);
  document.querySelector("[data-session]").textContent = `${answered} of ${goal}`;
  document.querySelector("[data-session-bar]").setAttribute("width", `${Math.min(100, (100 * answered) / goal)}%`);
}

function answer(value) {
  const question = waiting[0];
  if (!question || "readonly" in box.dataset) return;
  waiting.shift();
  const one = { question, value };
  given.push(one);
  count(value, 1);
  show();
  const body = { target: question.target, video_id: question.video_id, scope: question.scope, label: question.label, value };
  deliver("/v1/labels", body).catch((problem) => {
    given = given.filter((other) => other !== one);
    waiting.unshift(question);
    count(value, -1);
    say(problem.detail || "", "bad", problem.title);
    show();
  });
  if (waiting.length < FEW) more();
}

/** Send one after the other; what is still here when the page is left goes out with it, once, by its key. */
function deliver(url, body) {
  const letter = { url, body, key: newKey() };
  unsent.push(letter);
  const done = sending
    .then(() => send("post", url, body, { "Idempotency-Key": letter.key }))
    .finally(() => unsent.splice(unsent.indexOf(letter), 1));
  sending = done.catch(() => {});
  return done;
}

/** Whether a judgement is taken back by a later letter: sent at once they could come in the other order. */
function isTakenBack({ url, body }, place) {
  return url === "/v1/labels" && unsent.slice(place + 1).some((later) => later.url === "/v1/labels/undo" && placeOf(later.body) === placeOf(body));
}

addEventListener("pagehide", () => {
  for (const { url, body, key } of unsent.filter((letter, place) => !isTakenBack(letter, place))) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
    fetch(url, { method: "POST", headers, body: JSON.stringify(body), keepalive: true }).catch(() => {});
  }
});

function undo() {
  const one = given.pop();
  if (!one) return say("Nothing of this sitting is left to undo.", "info");
  waiting.unshift(one.question);
  over = false;
  count(one.value, -1);
  show();
  const { target, video_id, scope, label } = one.question;
  const said = { target, video_id, scope, label };
  deliver("/v1/labels/undo", said).catch((problem) => say(problem.detail || "", "bad", problem.title));
}

function act(what) {
  const button = box.querySelector(`[data-answer="${what}"]`);
  button?.classList.add("flash");
  setTimeout(() => button?.classList.remove("flash"), 150);
  if (what === "undo") undo();
  else answer(what);
}

function showKeys() {
  const now = keys();
  for (const place of document.querySelectorAll("[data-key-of]")) place.textContent = now[place.dataset.keyOf];
  for (const field of document.querySelectorAll("[data-key-field]")) field.value = now[field.name];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("[data-key-field]")) {
    if (event.key.length !== 1) return;
    event.preventDefault();
    const now = keys();
    const taken = Object.entries(now).find(([name, key]) => key === event.key.toLowerCase() && name !== event.target.name);
    if (taken) return say(`“${event.key}” is taken already`, "warn");
    localStorage.setItem(KEPT_UNDER, JSON.stringify({ ...now, [event.target.name]: event.key.toLowerCase() }));
    return showKeys();
  }
  if (event.target.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  if (event.key === "?") return document.getElementById("keys").showModal();
  const found = ARROWS[event.key] || Object.entries(keys()).find(([, key]) => key === event.key.toLowerCase())?.[0];
  if (!found || !box) return;
  event.preventDefault();
  act(found);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.answer) act(button.dataset.answer);
  if (button?.dataset.keysReset !== undefined) {
    localStorage.removeItem(KEPT_UNDER);
    showKeys();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  if (event.target.id === "nc-target") document.querySelector("[data-new-target]").hidden = event.target.value !== "";
});

/** What people write, as the name of a class: small letters, digits and _. */
function asName(words) {
  const plain = words.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "_");
  return plain.replace(/^[^a-z]+|_+$/g, "").slice(0, 64);
}

/** Wait until the library has heard of a class: it comes by the topic, a moment later. */
async function known(target, name) {
  for (let tries = 0; tries < 20; tries += 1) {
    const found = await send("get", `/v1/targets/${target}`).catch(() => ({}));
    if (found.classes?.some((one) => one.name === name)) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.newClass === undefined) return;
  event.preventDefault();
  const { target, title, scope, name, definition } = form.elements;
  const one = { name: asName(name.value), definition: definition.value.trim() };
  const into = target?.value || asName(title.value);
  const problem = form.querySelector("[data-new-class-problem]");
  problem.textContent = "";
  try {
    if (!one.name || !into) throw { title: "A name is missing", detail: "it needs at least one letter from a to z" };
    if (target?.value) await send("post", `/v1/targets/${into}/classes`, one);
    else await send("post", "/v1/targets", { name: into, title: title.value.trim(), scope: scope.value, classes: [one] });
    await known(into, one.name);
    location.assign(`/label?${new URLSearchParams({ target: into, class: one.name })}`);
  } catch (found) {
    problem.textContent = [found.title, found.detail].filter(Boolean).join(": ");
  }
});

showKeys();
if (box) more();
