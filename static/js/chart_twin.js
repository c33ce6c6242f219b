// The table twin of a chart: the same numbers, for those who would rather read them. Made when it is opened.

import { showTimes } from "./time.js";

const MOST_ROWS = 500; // the CSV has them all

/** Fills the open twin of a figure; `table` is {columns, rows}, a cell a text or {ns}. */
export function fillTwin(figure, table) {
  const place = figure.querySelector("[data-chart-table]");
  if (!place) return;
  const made = document.createElement("table");
  made.className = "dense";
  const head = made.createTHead().insertRow();
  for (const [index, name] of table.columns.entries()) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    if (index) cell.className = "number";
    head.append(cell);
  }
  const body = made.createTBody();
  for (const row of table.rows.slice(0, MOST_ROWS)) {
    const line = body.insertRow();
    for (const [index, cell] of row.entries()) {
      const made = line.insertCell();
      if (index) made.className = "number";
      if (typeof cell === "string") made.textContent = cell;
      else made.append(time(cell.ns));
    }
  }
  const top = place.scrollTop;
  place.replaceChildren(made);
  if (table.rows.length > MOST_ROWS) place.append(`The first ${MOST_ROWS} of ${table.rows.length} rows.`);
  showTimes(place);
  place.scrollTop = top;
}

function time(ns) {
  const element = document.createElement("time");
  element.dataset.ns = ns;
  element.dataset.shape = "moment";
  element.dateTime = new Date(Number(BigInt(ns) / 1_000_000n)).toISOString();
  return element;
}
