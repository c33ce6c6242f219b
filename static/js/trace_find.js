// Find in trace: marks the rows whose words match, Enter goes to the next one, Shift-Enter back.

import { focusRow, reveal } from "./trace.js";
import { everyRow } from "./trace_rest.js";

let at = -1;

const field = () => document.querySelector("[data-find]");
const matches = () => [...document.querySelectorAll(".rows > .row.found")];

/** A row's words: its name and what stands at its bar, told apart. */
const wordsOf = (row) => [...row.children].map((part) => part.textContent.toLowerCase()).join("\n");

/** Marks what is there at once, and the rest when it came: the page's update marks again. */
function find() {
  mark();
  if (field().value.trim()) everyRow();
}

function mark() {
  const wanted = field().value.trim().toLowerCase();
  const place = document.querySelector(".rows > .row.at")?.dataset.key;
  for (const row of document.querySelectorAll(".rows > .row")) {
    row.classList.toggle("found", wanted !== "" && wordsOf(row).includes(wanted));
    row.classList.remove("at");
  }
  at = matches().findIndex((row) => row.dataset.key === place);
  if (at >= 0) matches()[at].classList.add("at");
  tell(matches().length, wanted);
}

function tell(count, wanted) {
  const place = at >= 0 ? `${at + 1} of ` : "";
  document.querySelector("[data-found]").textContent = wanted ? `${place}${count} found` : "";
}

async function go(step) {
  await everyRow();
  const rows = matches();
  if (!rows.length) return;
  at = at < 0 && step < 0 ? rows.length - 1 : (at + step + rows.length) % rows.length;
  for (const row of rows) row.classList.toggle("at", row === rows[at]);
  reveal(rows[at]);
  rows[at].scrollIntoView({ block: "center" });
  tell(rows.length, field().value.trim());
}

document.addEventListener("input", (event) => event.target.matches("[data-find]") && find());
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-find]")) return;
  if (event.key === "Enter") {
    event.preventDefault();
    go(event.shiftKey ? -1 : 1);
  } else if (event.key === "ArrowDown" && at >= 0) {
    event.preventDefault();
    focusRow(matches()[at]);
  } else if (event.key === "Escape") {
    field().value = "";
    mark();
  }
});
document.addEventListener("region:updated", (event) => event.target.id === "trace" && field()?.value && mark());
