// Forms and buttons that speak to the API in JSON; dialogs; messages. Any page can use it without a line of its own.
//
//   <form data-post="/v1/videos" data-done="Submitted." data-go="/videos/{video_id}">   also data-put, -patch, -delete
//   <button data-post="/v1/..." data-json='{"a": 1}' data-confirm="Really?" data-refresh="#list">
//
// Named fields make the body: numbers are numbers, a single tick box is true or false, boxes with a value or with
// data-list make lists, and empty fields stay away unless they bear data-keep-empty. Success: data-done says it (names
// in braces are taken from the answer), data-refresh reloads these elements (each has hx-trigger="refresh"), data-remove
// takes the nearest such element out, data-reload loads the page again, data-go goes on. An error is said in words, and
// what was typed stays. data-copy copies its value (empty: the address), or the text of data-copy-from.
// Events: "act:done" (detail: answer) and "act:failed" (detail: problem).

const VERBS = ["post", "put", "patch", "delete"];
const QUIET_AFTER_MS = 8000;

/** Say something to everybody, screen readers too. tone: info, good, warn, bad. */
export function say(words, tone = "info", title = "") {
  const box = document.createElement("div");
  box.className = `message ${tone}`;
  const text = document.createElement("div");
  if (title) {
    const strong = document.createElement("strong");
    strong.textContent = title;
    text.append(strong, " ");
  }
  text.append(words);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "message-close";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  close.addEventListener("click", () => box.remove());
  box.append(text, close);
  const all = document.getElementById("messages");
  // A dialog lies above everything else on the page: what is said must lie there too.
  const open = document.querySelector("dialog[open] [data-messages]");
  (open || all).append(box);
  if (tone !== "bad") setTimeout(() => box.remove(), QUIET_AFTER_MS);
  return box;
}

/** Send JSON; the decoded answer, or a thrown problem document. */
export async function send(method, url, body, headers = {}) {
  const asked = { method: method.toUpperCase(), headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
  if (asked.method === "POST" && !asked.headers["Idempotency-Key"]) asked.headers["Idempotency-Key"] = newKey();
  if (body !== undefined) {
    asked.headers["Content-Type"] = "application/json";
    asked.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(url, asked);
  } catch {
    throw { title: "No connection", detail: "Groundswell does not answer; what you typed is still here, try again", status: 0 };
  }
  const text = await answer.text();
  const found = decoded(text);
  if (!answer.ok) throw problemOf(answer, found);
  return found;
}

/** A key by which a request that is sent twice is done once. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** What a form says, as an object. */
export function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    const value = valueOf(field);
    if (value === undefined) continue;
    if (isListed(field)) body[field.name] = [...(body[field.name] || []), ...[value].flat()];
    else body[field.name] = value;
  }
  return body;
}

function isListed(field) {
  return "list" in field.dataset || field.multiple || (field.type === "checkbox" && field.getAttribute("value") !== null);
}

function valueOf(field) {
  if (field.type === "checkbox") {
    if (field.getAttribute("value") === null) return field.checked;
    return field.checked ? field.value : undefined;
  }
  if (field.type === "radio") return field.checked ? field.value : undefined;
  if (["submit", "button", "file", "fieldset"].includes(field.type)) return undefined;
  if (field.multiple) return [...field.selectedOptions].map((option) => option.value);
  if (field.value === "" && !("keepEmpty" in field.dataset)) return undefined;
  return field.type === "number" || field.type === "range" ? Number(field.value) : field.value;
}

function decoded(text) {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}

function problemOf(answer, found) {
  if (found.title) return { status: answer.status, ...found };
  return { title: `Error ${answer.status}`, detail: "Groundswell could not do that; try again", status: answer.status };
}

function filled(words, answer, encode = (x) => x) {
  return words.replace(/\{(\w+)\}/g, (_, name) => encode(String(answer?.[name] ?? "")));
}

/** Ask before something that cannot be taken back. */
export function sure(words, yes = "Go on") {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("[data-confirm-words]").textContent = words;
  dialog.querySelector("[data-confirm-yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function verbOf(element) {
  return VERBS.find((verb) => element.dataset[verb] !== undefined);
}

async function act(element) {
  const verb = verbOf(element);
  const isForm = element.tagName === "FORM";
  if (element.getAttribute("aria-busy") === "true") return;
  if (element.dataset.confirm && !(await sure(element.dataset.confirm, element.dataset.yes))) return;
  const body = isForm ? bodyOf(element) : decoded(element.dataset.json || "");
  const bare = verb === "delete" && Object.keys(body).length === 0;
  element.setAttribute("aria-busy", "true");
  try {
    const answer = await send(verb, element.dataset[verb], bare ? undefined : body);
    finish(element, answer);
  } catch (problem) {
    if (!problem.title) throw problem;
    say(problem.detail || "", "bad", problem.title);
    element.dispatchEvent(new CustomEvent("act:failed", { bubbles: true, detail: problem }));
  } finally {
    element.removeAttribute("aria-busy");
  }
}

function finish(element, answer) {
  const { done, refresh, remove, reload, go } = element.dataset;
  if (done) say(filled(done, answer), "good");
  element.closest("dialog")?.close();
  element.dispatchEvent(new CustomEvent("act:done", { bubbles: true, detail: answer }));
  if (refresh) for (const one of document.querySelectorAll(refresh)) window.htmx?.trigger(one, "refresh");
  if (remove) element.closest(remove)?.remove();
  if (go) location.assign(filled(go, answer, encodeURIComponent));
  else if (reload !== undefined) location.reload();
}

async function copy(button) {
  const from = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  const text = from ? from.textContent.trim() : button.dataset.copy.trim() || location.href;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.", "good");
  } catch {
    say(`Copy this yourself: ${text}`, "warn");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!verbOf(form)) return;
  event.preventDefault();
  act(form);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, a, summary");
  if (!button) return;
  if (button.dataset.open) document.getElementById(button.dataset.open)?.showModal();
  else if (button.dataset.close !== undefined) button.closest("dialog")?.close();
  else if (button.dataset.copy !== undefined) copy(button);
  else if (button.dataset.menu !== undefined) menu(button);
  else if (verbOf(button)) act(button);
});

function menu(button) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  document.getElementById(button.getAttribute("aria-controls")).classList.toggle("open", open);
}

document.addEventListener("htmx:responseError", (event) => {
  const problem = problemOf({ status: event.detail.xhr.status }, decoded(event.detail.xhr.responseText));
  if (problem.status === 401) location.reload();
  else say(problem.detail || "", "bad", problem.title);
});
document.addEventListener("htmx:sendError", () => say("Groundswell does not answer; try again in a moment", "bad", "No connection"));

// A picture that is gone leaves its place, not a broken sign.
function missing(image) {
  if (!image.matches?.("img.thumb, img.face")) return;
  const place = document.createElement("span");
  place.className = `${image.className} none`;
  image.replaceWith(place);
}
document.addEventListener("error", (event) => missing(event.target), true);
for (const image of document.images) if (image.complete && image.naturalWidth === 0 && image.currentSrc) missing(image);

window.Groundswell = { say, send, sure, bodyOf, newKey };
