// The bar's switches: theme, UTC or local time, the menu on small screens.

import { remember } from "./storage.js";
import { showTimes } from "./time.js";

const root = document.documentElement;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function toggleTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches;
  const chosen = dark ? "light" : "dark";
  if ((chosen === "dark") === prefersDark.matches) {
    delete root.dataset.theme; // as the system has it: go on following the system
    remember("theme", null);
  } else {
    root.dataset.theme = chosen;
    remember("theme", chosen);
  }
}

function choose(zone) {
  root.dataset.zone = zone;
  remember("zone", zone);
  markZone();
  showTimes(document);
}

function markZone() {
  for (const button of document.querySelectorAll("[data-zone-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.zoneChoice === root.dataset.zone));
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-toggle]")) toggleTheme();
  const zone = event.target.closest("[data-zone-choice]");
  if (zone) choose(zone.dataset.zoneChoice);
  for (const open of document.querySelectorAll("details[data-popover][open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details[data-popover][open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

markZone();
