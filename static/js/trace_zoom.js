// Zoom: drag over the whole trace's map. The part is kept in the URL, and the server draws it.

import { fetchRegion } from "./regions.js";

const SHORTEST_DRAG_PX = 4;
let drag = null; // {map, from}: where on the map it began, 0 to 1

const placeOn = (map, event) => {
  const box = map.getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
};

function zoomTo(range) {
  const url = new URL(location.href);
  if (range) url.searchParams.set("zoom", range);
  else url.searchParams.delete("zoom");
  history.replaceState(null, "", url);
  fetchRegion("trace");
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
  const whole_ns = Number(map.dataset.wholeNs); // a length, not a moment: exact up to 104 days
  const [first, last] = [from, placeOn(map, event)].sort((a, b) => a - b).map((place) => Math.round(place * whole_ns));
  zoomTo(Math.abs(event.clientX - x) < SHORTEST_DRAG_PX || first === last ? null : `${first}-${last}`);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-zoom], [data-zoom-out]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  zoomTo(link.dataset.zoom);
});
