// The overview: a drag over the heatmap chooses an area, the address keeps it; what slid out of the range goes by itself.

import { isPaused } from "./live.js";
import { fetchPart, fetchRegion } from "./regions.js";

const AREA = { area_from: "from_ns", area_to: "to_ns", area_min: "low", area_max: "high" };
const MOVES_ON_MS = 10_000; // the shortest step of what is counted

/** Puts the area into the address, or takes it out, and draws what lies in it. */
function choose(area) {
  const url = new URL(location.href);
  for (const [name, part] of Object.entries(AREA)) {
    const value = area?.[part] ?? null;
    if (value === null || value === "0") url.searchParams.delete(name);
    else url.searchParams.set(name, part.endsWith("_ns") ? value : `${value}ns`);
  }
  url.hash = "";
  history.pushState(null, "", url);
  return show();
}

/** Draws the area the address has: its outline on the heatmap, its fields, what lies in it. */
async function show() {
  const given = new URL(location.href).searchParams;
  const heatmap = document.getElementById("latency-heatmap");
  const drawn = new URL(heatmap.dataset.chart, location.href);
  for (const name of Object.keys(AREA)) {
    const value = given.get(name);
    if (value) drawn.searchParams.set(name, value);
    else drawn.searchParams.delete(name);
    for (const input of document.querySelectorAll(`.area-form [name="${name}"]`)) input.value = value ?? "";
  }
  heatmap.dataset.chart = drawn.pathname + drawn.search; // chart.js sees that it is another one
  await fetchPart("area");
}

document.addEventListener("chart:select", ({ detail }) => choose(detail));
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-area-close]") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  choose(null);
});
addEventListener("popstate", show);

// Nothing may arrive for long, and yet a live range moves on.
if (document.querySelector(".overview[data-moves-on]")) {
  setInterval(() => {
    if (document.hidden || isPaused()) return;
    for (const region of document.querySelectorAll("[data-part]")) {
      fetchRegion(region.id).catch(() => {}); // the server is away: it comes back by itself
    }
  }, MOVES_ON_MS);
}
