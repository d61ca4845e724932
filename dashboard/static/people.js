// The gallery: merge by dragging or by choosing, split, enrol from pictures. Everything else is act.js.

import { say, send, sure } from "./act.js";
import { followKinds, seldom } from "./live-follow.js";

const LOOK_AGAIN_MS = [300, 1200, 3000];
const SETTLE_MS = 800;

/** Show what is new, unless somebody is in the middle of something. */
function look() {
  const page = document.getElementById("people");
  if (page && !isInUse(page)) window.htmx.trigger(page, "refresh");
}

function isInUse(page) {
  const typed = [...page.querySelectorAll(".name-form input, .gallery-search input")];
  return typed.some((field) => field.value !== field.defaultValue) || page.querySelector(":checked, .dragged") !== null;
}

/** The library hears of a change a moment after the gallery has made it. */
function lookAgain() {
  for (const wait of LOOK_AGAIN_MS) setTimeout(look, wait);
}

followKinds(["person", "command"], seldom(look, SETTLE_MS));

async function merge(into, others) {
  const names = others.map((one) => one.dataset.called).join(", ");
  const words = `Are ${names} and ${into.dataset.called} one person? ${into.dataset.called} stays. It can be taken back.`;
  if (!(await sure(words, "Merge"))) return;
  for (const other of others) {
    try {
      await send("post", `/v1/people/${into.dataset.person}/merge`, { from_id: other.dataset.person });
      other.remove();
    } catch (problem) {
      say(problem.detail || "", "bad", problem.title);
      break;
    }
  }
  clear();
  say("Merged.", "good");
  lookAgain();
}

function picked() {
  return [...document.querySelectorAll("[data-pick]:checked")].map((tick) => tick.closest(".person"));
}

function clear() {
  for (const tick of document.querySelectorAll("[data-pick]:checked, [data-track]:checked")) tick.checked = false;
  show();
}

function show() {
  const people = picked();
  const bar = document.querySelector("[data-select-bar]");
  if (bar) {
    bar.classList.toggle("active", people.length > 0);
    bar.querySelector("[data-select-none]").hidden = people.length === 0;
    bar.querySelector("[data-merge]").disabled = people.length < 2;
    bar.querySelector("[data-select-words]").textContent =
      people.length === 0
        ? "Choose two or more people to merge, or drag one onto another."
        : people.length === 1
          ? `${people[0].dataset.called} is chosen; choose who is the same person.`
          : `${people.length} chosen; ${people[0].dataset.called} stays.`;
  }
  const tracks = document.querySelectorAll("[data-track]:checked").length;
  const split = document.querySelector("[data-split-bar]");
  if (split) {
    split.classList.toggle("active", tracks > 0);
    split.querySelector("[data-split-none]").hidden = tracks === 0;
    split.querySelector("[data-split]").disabled = tracks === 0;
    split.querySelector("[data-split-words]").textContent =
      tracks === 0 ? "No face chosen." : `${tracks} ${tracks === 1 ? "face" : "faces"} chosen: somebody else's.`;
  }
}

async function splitOff(button) {
  const tracks = [...document.querySelectorAll("[data-track]:checked")].map((tick) => tick.dataset.track);
  const words = `Are these ${tracks.length} faces another person's? The others are decided again between the two. It can be taken back.`;
  if (!(await sure(words, "Split off"))) return;
  try {
    const answer = await send("post", button.dataset.split, { tracks });
    clear();
    say(answer.message || "Split.", "good");
    lookAgain();
  } catch (problem) {
    say(problem.detail || "", "bad", problem.title);
  }
}

function asBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result).split("base64,")[1] || ""));
    reader.addEventListener("error", () => reject({ title: "The picture cannot be read", detail: file.name }));
    reader.readAsDataURL(file);
  });
}

async function enrol(form) {
  const state = form.querySelector("[data-enrol-state]");
  const button = form.querySelector(".primary");
  const files = [...form.querySelector('input[type="file"]').files];
  state.className = "enrol-state";
  state.textContent = "Looking at the pictures …";
  button.disabled = true;
  try {
    const body = { name: form.elements.name.value, photos: await Promise.all(files.map(asBase64)) };
    if (form.dataset.identity) body.identity_id = form.dataset.identity;
    const answer = await send("post", "/v1/people", body);
    form.reset();
    state.textContent = "";
    form.closest("dialog").close();
    say(answer.message || "Enrolled.", "good");
    lookAgain();
  } catch (problem) {
    state.className = "enrol-state bad";
    state.textContent = [problem.title, problem.detail].filter(Boolean).join(": ");
  } finally {
    button.disabled = false;
  }
}

async function forget(form) {
  try {
    const prove = form.elements.prove.checked ? "?prove=true" : "";
    const job = await send("delete", form.dataset.forget + prove);
    location.assign(`/models?view=jobs&job=${encodeURIComponent(job.job_id)}`);
  } catch (problem) {
    say(problem.detail || "", "bad", problem.title);
  }
}

async function same(form) {
  try {
    await send("post", `/v1/people/${form.dataset.same}/merge`, { from_id: form.elements.other.value });
    form.closest("dialog").close();
    say("Merged.", "good");
    lookAgain();
  } catch (problem) {
    say(problem.detail || "", "bad", problem.title);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const what = [["enrol", enrol], ["forget", forget], ["same", same]].find(([name]) => form.dataset[name] !== undefined);
  if (!what) return;
  event.preventDefault();
  what[1](form);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick], [data-track]")) show();
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-same-filter]")) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const one of document.querySelectorAll(".same-one")) one.hidden = !one.dataset.words.includes(wanted);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const people = picked();
  if (button.dataset.merge !== undefined && people.length > 1) merge(people[0], people.slice(1));
  else if (button.dataset.selectNone !== undefined || button.dataset.splitNone !== undefined) clear();
  else if (button.dataset.split !== undefined) splitOff(button);
});

let dragged = null;
document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(".person[draggable]") || null;
  if (!dragged) return;
  dragged.classList.add("dragged");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.person);
});
document.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest?.(".person");
  for (const one of document.querySelectorAll(".person.over")) one.classList.toggle("over", one === over && one !== dragged);
  if (!over || over === dragged) return;
  event.preventDefault();
  over.classList.add("over");
});
document.addEventListener("drop", (event) => {
  const over = dragged && event.target.closest?.(".person");
  if (!over || over === dragged) return;
  event.preventDefault();
  merge(over, [dragged]);
});
document.addEventListener("dragend", () => {
  for (const one of document.querySelectorAll(".person.over, .person.dragged")) one.classList.remove("over", "dragged");
  dragged = null;
});

document.addEventListener("act:done", (event) => {
  if (event.target.dataset.gallery === undefined) return;
  for (const field of event.target.querySelectorAll("input")) field.defaultValue = field.value;
  lookAgain();
});
document.addEventListener("htmx:afterSwap", show);

document.addEventListener("htmx:beforeSwap", (event) => {
  // Somebody may have begun while the answer was on its way.
  if (event.target.id === "people" && isInUse(event.target)) event.detail.shouldSwap = false;
});
