// Puts a freshly drawn element in the place of the one with its id, and keeps what the reader has of it.

/** Replaces; rows with the same data-key and content stay as they are, opened <details> stay open, focus stays. */
export function replace(fresh) {
  const current = document.getElementById(fresh.id);
  if (!current) return;
  const element = document.importNode(fresh, true);
  const focused = current.contains(document.activeElement) ? placeOf(document.activeElement) : null;
  keepRows(current, element);
  for (const { name } of [...current.attributes]) if (!element.hasAttribute(name)) current.removeAttribute(name);
  for (const { name, value } of element.attributes) {
    if (current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
  current.replaceChildren(...element.childNodes);
  if (focused && !current.contains(document.activeElement)) current.querySelector(focused)?.focus({ preventScroll: true });
  current.dispatchEvent(new CustomEvent("region:updated", { bubbles: true }));
}

/** A selector that finds the same element after it was drawn again. */
function placeOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const row = element.closest("[data-key]");
  return row ? `[data-key="${CSS.escape(row.dataset.key)}"] ${element.localName}` : null;
}

function keepRows(current, element) {
  const rows = new Map([...current.querySelectorAll("[data-key]")].map((row) => [row.dataset.key, row]));
  for (const row of element.querySelectorAll("[data-key]")) {
    const before = rows.get(row.dataset.key);
    if (!before) {
      if (rows.size) row.classList.add("appears");
      continue;
    }
    for (const [index, details] of [...row.querySelectorAll("details")].entries()) {
      details.open = before.querySelectorAll("details")[index]?.open ?? details.open;
    }
    if (signature(before) === signature(row)) row.replaceWith(before);
  }
}

/** A row's own words and shapes; times drawn for the reader (ages, local time) do not make it another one. */
function signature(row) {
  const copy = row.cloneNode(true);
  copy.classList.remove("appears");
  if (!copy.classList.length) copy.removeAttribute("class");
  for (const time of copy.querySelectorAll("time[data-ns]")) {
    time.textContent = "";
    time.removeAttribute("title");
  }
  return copy.outerHTML;
}
