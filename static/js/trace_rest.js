// A long trace's page has its first rows, and those around the selected span. The rest is fetched when it is wanted:
// when the reader scrolls there, walks there, looks for something, folds everything. `rows=all` in the URL says so.

import { fetchRegion } from "./regions.js";

const AHEAD = "1500px 0px"; // of what is seen: fetched before it is
let coming = null;

const gaps = () => document.querySelectorAll(".rows > [data-rest]");
const rowInView = () => [...document.querySelectorAll(".rows > .row")].find((row) => row.getBoundingClientRect().top > 0);

/** Resolves when every row is on the page, or cannot be had. What is read stays where it is. */
export async function everyRow() {
  if (!gaps().length) return;
  coming ??= fetchRest().finally(() => (coming = null));
  await coming;
}

async function fetchRest() {
  const url = new URL(location.href);
  url.searchParams.set("rows", "all");
  history.replaceState(null, "", url);
  const row = rowInView();
  const top = row?.getBoundingClientRect().top;
  try {
    await fetchRegion("trace");
  } catch {
    return; // The server is away: the link is still there.
  }
  const again = row && document.querySelector(`.rows > [data-key="${CSS.escape(row.dataset.key)}"]`);
  if (again) scrollBy({ top: again.getBoundingClientRect().top - top, behavior: "instant" });
}

const seen = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && everyRow(), {
  rootMargin: AHEAD,
});

function watch() {
  seen.disconnect();
  for (const gap of gaps()) seen.observe(gap);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-rest] a") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  everyRow();
});
document.addEventListener("region:updated", (event) => event.target.id === "trace" && watch());
watch();
