// Starts a job where it is asked for, and shows how far it is until it ends: `<form data-job-form>` and `[data-job-here]`.

import { bodyOf, say, send } from "./act.js";

const LOOK_EVERY_MS = 1200;
const ENDED = { done: "Done.", failed: "It failed.", cancelled: "It was cancelled.", broken: "It broke." };

function line(tag, words, className = "") {
  const made = document.createElement(tag);
  made.textContent = words;
  made.className = className;
  return made;
}

function meter(progress) {
  const share = progress?.total ? Math.min(1, progress.done / progress.total) : 0;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "meter");
  svg.setAttribute("width", "100%");
  svg.setAttribute("height", "8");
  for (const [name, width] of [["track", "100%"], ["fill", `${100 * share}%`]]) {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of Object.entries({ class: name, width, height: 8, rx: 4 })) bar.setAttribute(key, value);
    svg.append(bar);
  }
  return svg;
}

function draw(place, job) {
  const link = line("a", "Details");
  link.href = `/models?view=jobs&job=${encodeURIComponent(job.job_id)}`;
  const parts = [];
  if (job.state === "waiting") parts.push(line("p", "It waits for its turn.", "muted small"));
  else if (job.state === "running") {
    const total = job.progress?.total ? ` ${Math.floor(job.progress.done)} of ${job.progress.total}` : "";
    parts.push(line("p", job.progress ? `${job.progress.what}${total}` : "It begins …", "small"), meter(job.progress));
  } else {
    parts.push(line("p", job.problem || ENDED[job.state], job.state === "done" ? "good-ink" : "bad-ink small"));
    if (job.has_report) {
      const report = line("a", "Read the report", "button small");
      report.href = `/v1/jobs/${job.job_id}/report`;
      report.target = "_blank";
      report.rel = "noopener";
      parts.push(report);
    }
  }
  place.replaceChildren(...parts, link);
}

async function follow(place, jobId) {
  for (;;) {
    try {
      const job = await send("get", `/v1/jobs/${jobId}`);
      draw(place, job);
      if (!["waiting", "running"].includes(job.state)) return;
    } catch (problem) {
      if (problem.status && problem.status !== 429 && problem.status !== 503) {
        say(problem.detail || "", "bad", problem.title);
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.jobForm === undefined) return;
  event.preventDefault();
  const button = form.querySelector("button.primary");
  button.disabled = true;
  try {
    const job = await send("post", "/v1/jobs", bodyOf(form));
    const place = form.parentElement.querySelector("[data-job-here]");
    if (place) await follow(place, job.job_id);
    else location.assign(`/models?view=jobs&job=${encodeURIComponent(job.job_id)}`);
  } catch (problem) {
    say(problem.detail || "", "bad", problem.title);
  } finally {
    button.disabled = false;
  }
});
