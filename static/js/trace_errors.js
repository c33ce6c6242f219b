// The number of errors of a trace leads to them: it selects the next one below what is selected, then from the top again.

import { focusRow, reveal, select } from "./trace.js";
import { everyRow } from "./trace_rest.js";

const isError = (row) => row.querySelector(".name > .error");

async function next(byKeyboard) {
  await everyRow();
  const rows = [...document.querySelectorAll(".rows > .row")];
  const from = rows.findIndex((row) => row.hasAttribute("aria-selected"));
  const row = rows.slice(from + 1).find(isError) ?? rows.find(isError);
  if (!row) return;
  reveal(row);
  if (!byKeyboard) focusRow(row); // else the focus stays, to be pressed again
  row.scrollIntoView({ block: "center" });
  await select(row.dataset.spanId);
}

document.addEventListener("click", ({ target, detail }) => target.closest("[data-next-error]") && next(detail === 0));
