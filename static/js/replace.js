// Puts a freshly drawn element in the place of the one with its id, and keeps what the reader has of it.

/** Replaces; rows with the same data-key and content stay as they are, opened <details> stay open, focus stays, and
 * so do elements with data-keep and an id: what is typed into them. */
export function replace(fresh) {
  const current = document.getElementById(fresh.id);
  if (!current) return;
  const element = document.importNode(fresh, true);
  const focused = current.contains(document.activeElement) ? finderOf(document.activeElement, current) : null;
  const scrolled = [...current.querySelectorAll("[id]")].filter((part) => part.scrollTop).map((part) => [part.id, part.scrollTop]);
  keepRows(current, element);
  for (const menu of element.querySelectorAll("details[data-popover][id]")) {
    menu.open = document.getElementById(menu.id)?.open ?? menu.open;
  }
  for (const kept of current.querySelectorAll("[data-keep]")) element.querySelector(`#${kept.id}`)?.replaceWith(kept);
  for (const { name } of [...current.attributes]) if (!element.hasAttribute(name)) current.removeAttribute(name);
  for (const { name, value } of element.attributes) {
    if (current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
  current.replaceChildren(...element.childNodes);
  if (focused && !current.contains(document.activeElement)) focused()?.focus({ preventScroll: true });
  for (const [id, top] of scrolled) document.getElementById(id)?.scrollTo(0, top);
  current.dispatchEvent(new CustomEvent("region:updated", { bubbles: true }));
}

/** Finds the same element within `region` after it was drawn again: by its id or its row, else by where a link leads,
 * what a field is called, or what a button says. */
function finderOf(element, region) {
  const find = (selector) => () => region.querySelector(selector);
  if (element.id) return find(`#${CSS.escape(element.id)}`);
  const row = element.closest("[data-key]");
  const place = row && `[data-key="${CSS.escape(row.dataset.key)}"]`;
  if (row) return find(row === element ? place : `${place} ${element.localName}`);
  const mark = (each) => each.getAttribute("href") ?? (each.name || each.textContent.trim());
  const marked = mark(element);
  const alike = () => [...region.querySelectorAll(element.localName)].filter((each) => mark(each) === marked);
  const nth = alike().indexOf(element);
  return () => alike()[nth];
}

function keepRows(current, element) {
  const rows = new Map([...current.querySelectorAll("[data-key]")].map((row) => [row.dataset.key, row]));
  for (const row of element.querySelectorAll("[data-key]")) {
    if (!element.contains(row)) continue; // it was in a row that stays as it is
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
