// The waterfall's rows as a tree: select, collapse, walk with the keyboard. The server drew them and draws the panel.

import { fetchPart } from "./regions.js";
import { everyRow } from "./trace_rest.js";

const closed = new Set(); // keys of rows the reader collapsed
const opened = new Set(); // keys of folds the reader opened

const rowsOf = () => [...document.querySelectorAll(".rows > .row")];
const level = (row) => Number(row.getAttribute("aria-level"));
const isFold = (row) => row.dataset.key.startsWith("fold-");
const isClosed = (row) => (isFold(row) ? !opened.has(row.dataset.key) : closed.has(row.dataset.key));

/** Shows and hides rows by what is collapsed: one pass, whatever the depth. */
export function applyFolds() {
  let hiddenBelow = Infinity;
  for (const row of rowsOf()) {
    const depth = level(row);
    if (depth <= hiddenBelow) hiddenBelow = Infinity;
    row.hidden = depth > hiddenBelow;
    if (!row.hasAttribute("aria-expanded")) continue;
    row.setAttribute("aria-expanded", String(!isClosed(row)));
    if (isClosed(row) && hiddenBelow === Infinity) hiddenBelow = depth;
  }
}

function setClosed(row, close) {
  const [set, add] = isFold(row) ? [opened, !close] : [closed, close];
  if (add) set.add(row.dataset.key);
  else set.delete(row.dataset.key);
  applyFolds();
}

/** Opens whatever hides the row. */
export function reveal(row) {
  let depth = level(row);
  for (let before = row.previousElementSibling; before?.matches(".row"); before = before.previousElementSibling) {
    if (level(before) >= depth) continue;
    depth = level(before);
    if (isClosed(before)) setClosed(before, false);
  }
}

export function focusRow(row) {
  if (!row) return;
  for (const other of document.querySelectorAll('.rows > .row[tabindex="0"]')) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

export async function select(spanId) {
  const url = new URL(location.href);
  if (spanId) url.searchParams.set("span", spanId);
  else url.searchParams.delete("span");
  history.replaceState(null, "", url);
  for (const row of document.querySelectorAll('.rows > [aria-selected="true"]')) row.removeAttribute("aria-selected");
  document.querySelector(`.rows > [data-span-id="${CSS.escape(spanId)}"]`)?.setAttribute("aria-selected", "true");
  document.getElementById("trace").classList.toggle("single", !spanId);
  if (spanId) await fetchPart("detail");
  else document.getElementById("detail").hidden = true;
}

function visible(row, step) {
  let next = row;
  do next = step > 0 ? next.nextElementSibling : next.previousElementSibling;
  while (next?.hidden);
  return next?.matches(".row") ? next : null;
}

function parentOf(row) {
  let before = row;
  do before = before.previousElementSibling;
  while (before?.matches(".row") && level(before) >= level(row));
  return before?.matches(".row") ? before : null;
}

/** Goes where `find` leads from a row; where rows are missing there, once they came. Then the row may be another node. */
async function go(row, find) {
  if (!find(row)) await everyRow();
  focusRow(find(document.querySelector(`.rows > [data-key="${CSS.escape(row.dataset.key)}"]`)));
}

const keys = {
  ArrowDown: (row) => go(row, (from) => visible(from, 1)),
  ArrowUp: (row) => go(row, (from) => visible(from, -1)),
  ArrowRight: (row) => {
    if (row.getAttribute("aria-expanded") === "false") setClosed(row, false);
    else if (row.hasAttribute("aria-expanded")) go(row, (from) => visible(from, 1));
  },
  ArrowLeft: (row) => {
    if (row.getAttribute("aria-expanded") === "true") setClosed(row, true);
    else if (level(row) > 1) go(row, parentOf);
  },
  Home: () => focusRow(rowsOf()[0]),
  End: async () => {
    await everyRow();
    focusRow(rowsOf().filter((row) => !row.hidden).at(-1));
  },
  Enter: press,
  " ": press,
};

function press(row) {
  if (row.dataset.spanId) select(row.dataset.spanId);
  else if (row.hasAttribute("aria-expanded")) setClosed(row, !isClosed(row));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.getElementById("detail")?.hidden) {
    const row = document.querySelector('.rows > [aria-selected="true"]');
    select("");
    focusRow(row);
  }
  const row = event.target.closest(".rows > .row");
  if (!row || !keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  keys[event.key](row);
});

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab, a selection
  const fold = event.target.closest("[data-fold]");
  if (fold) foldAll(fold.dataset.fold === "all");
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    select("");
  }
  const row = event.target.closest(".rows > .row");
  if (!row) return;
  event.preventDefault();
  if (event.target.matches(".name > i")) setClosed(row, !isClosed(row));
  else press(row);
  focusRow(row);
});

async function foldAll(close) {
  await everyRow();
  closed.clear();
  for (const row of rowsOf()) {
    if (close && row.hasAttribute("aria-expanded") && !isFold(row) && level(row) > 1) closed.add(row.dataset.key);
    if (!close && isFold(row)) opened.add(row.dataset.key);
  }
  if (close) opened.clear();
  applyFolds();
}

document.addEventListener("region:updated", (event) => event.target.id === "trace" && applyFolds());
document.querySelector('.rows > [aria-selected="true"]')?.scrollIntoView({ block: "center" });
