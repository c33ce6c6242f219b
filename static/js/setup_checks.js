// The checks of Setup: looked at after the page's first frame, and again while it is open and seen.

import { fetchPart } from "./regions.js";

const INTERVAL_MS = 20_000;

let looking = false;

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  try {
    await fetchPart("checks");
  } catch {
    // The dashboard is away; the next look finds it again.
  }
  looking = false;
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-look]")) return;
  event.preventDefault();
  look();
});
document.addEventListener("visibilitychange", look);
setInterval(look, INTERVAL_MS);
look();
