// Zoom: drag over the whole trace's map, or over the times of a claim. The part is kept in the URL; the server draws it.
//
// A map says what it shows: from data-from-ns, data-whole-ns long; left of data-main-x percent it has another scale.

import { fetchRegion } from "./regions.js";

const SHORTEST_DRAG_PX = 4;
let drag = null; // {map, from}: where on the map it began, 0 to 1

const mainX = (map) => Number(map.dataset.mainX ?? 0) / 100;

const placeOn = (map, event) => {
  const box = map.getBoundingClientRect();
  return Math.min(1, Math.max(mainX(map), (event.clientX - box.left) / box.width));
};

/** Lengths, not moments: exact up to 104 days. */
function nsAt(map, place) {
  const share = (place - mainX(map)) / (1 - mainX(map));
  return Math.round(Number(map.dataset.fromNs ?? 0) + share * Number(map.dataset.wholeNs));
}

function zoomTo(range) {
  const url = new URL(location.href);
  if (range) url.searchParams.set("zoom", range);
  else url.searchParams.delete("zoom");
  history.replaceState(null, "", url);
  fetchRegion(document.querySelector("[data-live]:has([data-zoom-map])").id);
}

document.addEventListener("pointerdown", (event) => {
  const map = event.target.closest("[data-zoom-map]");
  if (!map || event.button !== 0) return;
  event.preventDefault();
  drag = { map, from: placeOn(map, event), x: event.clientX };
});

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [from, to] = [drag.from, placeOn(drag.map, event)].sort((a, b) => a - b);
  const shown = drag.map.querySelector(".window");
  shown.setAttribute("x", `${from * 100}%`);
  shown.setAttribute("width", `${(to - from) * 100}%`);
});

document.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { map, from, x } = drag;
  drag = null;
  const [first, last] = [from, placeOn(map, event)].sort((a, b) => a - b).map((place) => nsAt(map, place));
  zoomTo(Math.abs(event.clientX - x) < SHORTEST_DRAG_PX || first === last ? null : `${first}-${last}`);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-zoom], [data-zoom-out]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  zoomTo(link.dataset.zoom);
});
