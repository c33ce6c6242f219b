// Moving through the list by keyboard: the arrow keys go from row to row, Home and End to its ends; Enter opens a row.

const KEYS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

document.addEventListener("keydown", (event) => {
  const step = KEYS[event.key];
  const summary = event.target.closest?.(".log summary");
  if (!step || !summary || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...document.querySelectorAll(".log summary")];
  const index = Math.min(Math.max(rows.indexOf(summary) + step, 0), rows.length - 1);
  rows[index].focus();
  event.preventDefault();
});
