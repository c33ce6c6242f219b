// Regions that redraw themselves: <div id="rows" data-live="traces" data-live-params='{}'>; topics, with spaces.
//
// On a change the page fetches itself with `X-Partial: 1`; the view answers with its partial template, whose elements
// with an id replace the page's elements of the same id. Rows with a data-key that did not change stay the same nodes.
// A region with data-hold is not redrawn while it is read (pointer, selection or focus in it), when rows came or moved:
// it counts "3 new".
// A region with data-part asks for itself alone, `X-Partial: <its id>`: another's change does not redraw it.
// A region with data-version sends it as `X-Version`; a view may answer 204: nothing changed.

import { subscribe } from "./live.js";
import { paced } from "./pace.js";
import { replace } from "./replace.js";

const SHORTEST_INTERVAL_MS = 500;

for (const region of document.querySelectorAll("[data-live]")) {
  const params = JSON.parse(region.dataset.liveParams ?? "{}");
  const refresh = paced(() => fetchRegion(region.id), SHORTEST_INTERVAL_MS);
  for (const topic of region.dataset.live.split(" ")) subscribe(topic, params, refresh);
}

/** Fetches the page's partial again and puts it in place, or holds it back while the region is read. */
export async function fetchRegion(id) {
  const region = document.getElementById(id);
  const partial = region.hasAttribute("data-part") ? id : "1";
  const headers = { "X-Partial": partial, "X-Version": region.dataset.version ?? "" };
  const response = await fetch(location.href, { headers });
  if (response.status === 204) return;
  // 404 has a partial of its own: what was there was cleared.
  if (!response.ok && response.status !== 404) throw new Error(`HTTP ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  await released;
  if (response.redirected || response.headers.has("X-Reload") || !fresh.getElementById(id)) location.reload();
  else place(region, fresh); // without the region the page has become another one
}

/** Fetches one element of the page, drawn for the URL as it is now: the view answers `X-Partial: <id>`. */
export async function fetchPart(id) {
  const url = location.href;
  const response = await fetch(url, { headers: { "X-Partial": id } });
  if (!response.ok || url !== location.href) return; // meanwhile another one was asked for
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(id);
  if (fresh) replace(fresh);
}

// A redraw between press and release would swallow the click: what was pressed would not be there any more.
let released = null; // a promise, while the pointer is pressed
let letGo = () => {};
document.addEventListener("pointerdown", () => (released ??= new Promise((resolve) => (letGo = resolve))), true);
const lift = () => setTimeout(() => (letGo(), (released = null))); // after the click
for (const type of ["pointerup", "pointercancel", "dragend"]) document.addEventListener(type, lift, true);
document.addEventListener("pointermove", (event) => released && !event.buttons && lift(), true); // let go elsewhere

const held = new Map(); // region id -> the newest document held back

function place(region, fresh) {
  const element = fresh.getElementById(region.id);
  const count = newRows(region, element);
  if (region.hasAttribute("data-hold") && isRead(region) && (count || isReordered(region, element))) {
    held.set(region.id, fresh);
    tell(region, count || "Another order");
    return;
  }
  held.delete(region.id);
  tell(region, 0);
  for (const element of fresh.querySelectorAll("body > [id]")) replace(element);
}

function newRows(region, fresh) {
  const keys = new Set(keysOf(region));
  return keysOf(fresh).filter((key) => !keys.has(key)).length;
}

function isReordered(region, fresh) {
  const [before, after] = [keysOf(region), keysOf(fresh)];
  const stayed = new Set(before.filter((key) => after.includes(key)));
  const order = before.filter((key) => stayed.has(key));
  return after.filter((key) => stayed.has(key)).some((key, place) => key !== order[place]);
}

const keysOf = (element) => [...(element?.querySelectorAll("[data-key]") ?? [])].map((row) => row.dataset.key);

function isRead(region) {
  const selection = getSelection();
  const selected = !selection.isCollapsed && region.contains(selection.anchorNode);
  const scrolledPast = region.getBoundingClientRect().top < 0;
  return region.matches(":hover") || region.contains(document.activeElement) || selected || scrolledPast;
}

function tell(region, count) {
  const button = document.querySelector(`[data-held="${region.id}"]`);
  if (!button) return;
  button.closest(".held").hidden = count === 0;
  button.textContent = typeof count === "number" ? `${count} new` : count;
}

function release(region) {
  const fresh = held.get(region.id);
  held.delete(region.id);
  tell(region, 0);
  if (fresh) for (const element of fresh.querySelectorAll("body > [id]")) replace(element);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-held]");
  if (!button) return;
  const region = document.getElementById(button.dataset.held);
  release(region);
  if (region.getBoundingClientRect().top < 0) region.scrollIntoView();
});

document.addEventListener("pointerout", (event) => {
  const region = event.target.closest?.("[data-hold]");
  if (!region || region.contains(event.relatedTarget) || !held.has(region.id)) return;
  requestAnimationFrame(() => isRead(region) || release(region));
});
