// Models and operations: dialogs that know what they were opened for, tables sent as they are, and looking again after
// something was done, because the library hears of it a moment later.

import { newKey, say } from "./act.js";
import { followKinds, seldom } from "./live-follow.js";

const LOOK_AGAIN_MS = [400, 1500, 4000];
const SETTLE_MS = 600;
const KINDS = ["release", "job", "dead-letter", "scoreboard"];

function look() {
  for (const part of document.querySelectorAll('[hx-trigger*="refresh"]')) window.htmx.trigger(part, "refresh");
}

function lookAgain() {
  for (const wait of LOOK_AGAIN_MS) setTimeout(look, wait);
}

followKinds(KINDS, seldom(look, SETTLE_MS));

document.addEventListener("act:done", (event) => {
  if (event.target.dataset.later !== undefined) lookAgain();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-fill]");
  const form = button && document.getElementById(button.dataset.open)?.querySelector("form");
  if (!form) return;
  for (const [name, value] of Object.entries(JSON.parse(button.dataset.fill))) form.elements[name].value = value;
});

document.addEventListener("change", (event) => {
  const place = document.querySelector("[data-import-target]");
  if (event.target.id === "import-what" && place) place.hidden = event.target.value !== "labels";
});

/** Send a file as the body, and say how much of it is there. */
function upload(url, file, onShare) {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open("POST", url);
    asked.setRequestHeader("Accept", "application/json");
    asked.setRequestHeader("Content-Type", "application/octet-stream");
    asked.setRequestHeader("Idempotency-Key", newKey());
    asked.upload.addEventListener("progress", (event) => onShare(event.loaded / Math.max(event.total, 1)));
    asked.addEventListener("load", () => {
      let answer = {};
      try {
        answer = JSON.parse(asked.responseText);
      } catch {
        answer = {};
      }
      if (asked.status < 300) resolve(answer);
      else reject({ title: answer.title || `Error ${asked.status}`, detail: answer.detail || "try again" });
    });
    asked.addEventListener("error", () => reject({ title: "No connection", detail: "the table was not sent; try again" }));
    asked.send(file);
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.import === undefined) return;
  event.preventDefault();
  const file = form.querySelector('input[type="file"]').files[0];
  const state = form.querySelector("[data-import-state]");
  const button = form.querySelector(".primary");
  const query = new URLSearchParams({ name: file.name, what: form.elements.what.value });
  if (form.elements.what.value === "labels") query.set("target", form.elements.target.value);
  button.disabled = true;
  try {
    const job = await upload(`/v1/jobs/import?${query}`, file, (share) => {
      state.textContent = `${Math.round(100 * share)} % sent`;
    });
    location.assign(`/models?view=jobs&job=${encodeURIComponent(job.job_id)}`);
  } catch (problem) {
    state.textContent = "";
    say(problem.detail || "", "bad", problem.title);
  } finally {
    button.disabled = false;
  }
});

// A page that nobody looks at asks for nothing.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});
