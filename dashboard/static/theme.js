// Set the colours before anything is painted. Kept in this browser: "light", "dark", or as the system says.
const root = document.documentElement;
root.classList.add("js");

function kept() {
  try {
    return localStorage.getItem("groundswell.theme") || "";
  } catch {
    return "";
  }
}

function wear(theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
}

function say(button, theme) {
  button.setAttribute("aria-label", "Colours: " + (theme || "as the system says"));
}

wear(kept());
addEventListener("storage", (event) => event.key === "groundswell.theme" && wear(kept()));
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    say(button, kept());
    button.addEventListener("click", () => {
      const next = { "": "light", light: "dark", dark: "" }[kept()] ?? "";
      try {
        localStorage.setItem("groundswell.theme", next);
      } catch {
        // Private windows may refuse to keep anything; the colours change all the same.
      }
      wear(next);
      say(button, next);
    });
  }
});
