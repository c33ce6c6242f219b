// A claim's page: lanes stay as the reader left them, and what is open grows with the clock.
//
// The server leaves room right of now; bars marked data-grows and the now-line move there by frame, linearly. When the
// room is used up, the page is drawn anew.

import { fetchRegion } from "./regions.js";

const closed = new Map(); // lane -> whether the reader has it open
const AXIS_END_PERCENT = 99;
const SECOND_MS = 1000;

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.(".lane")) closed.set(event.target.dataset.lane, event.target.open);
}, true);

let drawn = performance.now();
let asked = false;

function words(ms) {
  const seconds = ms / SECOND_MS;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${Math.floor(seconds % 60)} s`;
  return null; // the server's words are fine enough
}

function grow() {
  const claim = document.querySelector("#claim[data-growing]");
  if (!claim) return;
  const passed_ms = performance.now() - drawn;
  const counted = words(Number(claim.dataset.openMs) + passed_ms);
  if (counted) for (const element of document.querySelectorAll("[data-counts]")) element.textContent = counted;
  const by = passed_ms * Number(claim.querySelector("[data-percent-per-ms]")?.dataset.percentPerMs ?? 0);
  let full = false;
  const now = start(claim.querySelector("[data-now]"), "x1");
  for (const line of claim.querySelectorAll("[data-now]")) {
    line.setAttribute("x1", `${Math.min(now + by, 100)}%`);
    line.setAttribute("x2", `${Math.min(now + by, 100)}%`);
  }
  const word = claim.querySelector("[data-now-word]");
  word?.setAttribute("x", `${Math.min(now + by, 100)}%`);
  for (const bar of claim.querySelectorAll("[data-grows]")) bar.setAttribute("width", `${start(bar, "width") + by}%`);
  if (now + by > AXIS_END_PERCENT) full = true;
  if (full && !asked) {
    asked = true;
    delete claim.dataset.version;
    fetchRegion("claim").catch(() => setTimeout(() => (asked = false), SECOND_MS));
  }
  requestAnimationFrame(grow);
}

/** Where the server drew it. */
function start(element, name) {
  if (!element) return 0;
  element.dataset.drawn ??= Number.parseFloat(element.getAttribute(name));
  return Number(element.dataset.drawn);
}

document.addEventListener("region:updated", (event) => {
  if (event.target.id !== "claim") return;
  drawn = performance.now();
  asked = false;
  for (const lane of document.querySelectorAll(".lane")) lane.open = closed.get(lane.dataset.lane) ?? lane.open;
});

requestAnimationFrame(grow);
