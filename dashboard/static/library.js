// The library: short addresses, saved views, and two videos chosen to compare.
import { say } from "./act.js";
import { follow, isNewer, seldom } from "./live-follow.js";

const VIEWS = "groundswell.views";
const CHOSEN = "groundswell.compare";
const MOST_VIEWS = 40;
const REFRESH_MS = 4000;

function kept(store, key) {
  try {
    return JSON.parse(store.getItem(key)) || [];
  } catch {
    return [];
  }
}

function keep(store, key, value) {
  try {
    store.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

// Empty fields stay out of the address, and so do columns as they usually are.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id !== "filters") return;
  const all = event.detail.parameters;
  for (const name of Object.keys(all)) if (all[name] === "" || (name === "sort" && all[name] === "submitted")) delete all[name];
  if (areUsual()) delete all.columns;
});

function areUsual() {
  return [...document.querySelectorAll('#filters input[name="columns"]')].every((box) => box.checked === box.defaultChecked)
    && !new URL(location).searchParams.has("columns");
}

function showViews() {
  const place = document.querySelector("[data-views]");
  for (const old of place.querySelectorAll("[data-saved]")) old.remove();
  for (const { name, query } of kept(localStorage, VIEWS)) place.append(viewChip(name, query));
  const here = location.pathname + location.search;
  for (const link of place.querySelectorAll("a")) {
    if (link.getAttribute("href") === here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function viewChip(name, query) {
  const box = document.createElement("span");
  box.className = "chip-pair";
  box.dataset.saved = "";
  const link = document.createElement("a");
  link.className = "chip";
  link.href = "/videos" + query;
  link.textContent = name;
  const forget = document.createElement("button");
  forget.type = "button";
  forget.className = "chip-close";
  forget.textContent = "×";
  forget.setAttribute("aria-label", `Forget the view ${name}`);
  forget.addEventListener("click", () => {
    keep(localStorage, VIEWS, kept(localStorage, VIEWS).filter((view) => view.name !== name));
    showViews();
  });
  box.append(link, forget);
  return box;
}

document.querySelector("[data-save-view]").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = event.target.elements.view.value.trim();
  if (!name) return;
  const url = new URL(location);
  url.searchParams.delete("cursor");
  const views = kept(localStorage, VIEWS).filter((view) => view.name !== name);
  const done = keep(localStorage, VIEWS, [...views, { name, query: url.search }].slice(-MOST_VIEWS));
  event.target.closest("dialog").close();
  event.target.reset();
  showViews();
  say(done ? `The view ${name} is kept in this browser.` : "This browser keeps nothing; share the address instead.", done ? "good" : "warn");
});

document.querySelector("[data-more]").addEventListener("click", (event) => {
  const more = document.getElementById("more");
  more.hidden = !more.hidden;
  event.currentTarget.setAttribute("aria-expanded", String(!more.hidden));
});

function showChosen() {
  const chosen = kept(sessionStorage, CHOSEN);
  for (const box of document.querySelectorAll("[data-compare]")) box.checked = chosen.includes(box.dataset.compare);
  const bar = document.getElementById("compare-bar");
  bar.hidden = chosen.length === 0;
  bar.querySelector("[data-compare-words]").textContent = chosen.length < 2 ? "One chosen; choose a second" : "Two chosen";
  const go = bar.querySelector("[data-compare-go]");
  const query = new URLSearchParams(chosen.map((id, i) => ["ab"[i], id]));
  go.href = `/compare?${query}`;
}

document.addEventListener("change", (event) => {
  const id = event.target.dataset?.compare;
  if (!id) return;
  const others = kept(sessionStorage, CHOSEN).filter((one) => one !== id);
  // A third takes the place of the first that was chosen.
  keep(sessionStorage, CHOSEN, event.target.checked ? [...others, id].slice(-2) : others);
  showChosen();
});
document.querySelector("[data-compare-clear]").addEventListener("click", () => {
  keep(sessionStorage, CHOSEN, []);
  showChosen();
});
// What may be done with the whole list follows it. Only attributes change: a button that is put in anew loses the click
// that somebody is in the middle of.
function showActions() {
  const list = document.getElementById("list");
  for (const link of document.querySelectorAll("[data-export]")) link.href = list.dataset[link.dataset.export];
  const again = document.querySelector("[data-retry-all]");
  if (!again) return;
  again.hidden = !list.dataset.retries;
  again.dataset.post = list.dataset.retries;
}

// A field that is left says "changed" once more after its words were searched for: the list stands already, and putting
// it in anew would take it from under the pointer.
let asked = "";
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id !== "filters") return;
  const path = event.detail.pathInfo.finalRequestPath;
  if (path === asked) event.preventDefault();
  asked = path;
});
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:historyRestore"]) {
  document.addEventListener(name, () => (asked = ""));
}

document.addEventListener("htmx:afterSettle", () => {
  showActions();
  showChosen();
  showViews();
});

// The first page has what is new; the others only what changes in their own rows.
const isFirst = () => !new URL(location).searchParams.has("cursor");
const isListed = (id) => [...document.querySelectorAll("tr[data-video]")].some((row) => row.dataset.video === id);
follow(
  (row) => isNewer(row, document.getElementById("list")) && (isFirst() || isListed(row.video_id)),
  seldom(() => window.htmx?.trigger(document.getElementById("list"), "refresh"), REFRESH_MS),
);
showViews();
showChosen();
