// Logs in by a form or by the link in the terminal, /login#token=...: what follows # is never sent to a server, so
// neither a log nor another site sees it, and it leaves the address bar and the history at once.

const page = document.querySelector("[data-login]");
const next = page.dataset.next;

async function logIn(body) {
  const answer = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) return location.replace(next);
  const problem = await answer.json().catch(() => ({}));
  return fail([problem.title, problem.detail].filter(Boolean).join(": ") || `Error ${answer.status}; try again`);
}

function fail(words) {
  page.querySelector("[data-login-wait]").hidden = true;
  page.querySelector("[data-login-words]").textContent = words;
  page.querySelector("[data-login-error]").hidden = false;
}

function attempt(body) {
  page.querySelector("[data-login-error]").hidden = true;
  page.querySelector("[data-login-wait]").hidden = false;
  logIn(body).catch(() => fail("Groundswell does not answer; try again in a moment"));
}

function byLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return false;
  history.replaceState(null, "", location.pathname + location.search);
  attempt({ token });
  return true;
}

// Browsers keep our cookie back on a link from another site. Asked from here, they send it: whoever is logged in is sent on.
async function goOnIfKnown() {
  const answer = await fetch(location.pathname + location.search, { redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect") location.replace(next);
}

for (const form of page.querySelectorAll("[data-login-form]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(Object.fromEntries(new FormData(form)));
  });
}

addEventListener("hashchange", byLink);
if (!byLink()) goOnIfKnown();
