// The filter row: `/` goes to the search, menus apply at once, empty fields stay out of the URL. What had the focus has it
// again on the page that shows the answer: arrow keys go on through a menu, a text goes on being written.

const KEPT = "focus"; // [path, selector] in the session, from a page to the next one
const RANGES = '[aria-label="Time range"] > a';

for (const form of document.querySelectorAll("form[data-filters]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) form.requestSubmit();
  });
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (!String(value).trim()) event.formData.delete(name);
    }
  });
}

function keepFocus(selector) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify([location.pathname, selector]));
  } catch {
    // Storage is refused: the focus begins anew.
  }
}

function giveFocusBack() {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT));
    sessionStorage.removeItem(KEPT);
  } catch {
    return;
  }
  if (kept?.[0] !== location.pathname || document.activeElement !== document.body) return;
  const element = document.querySelector(kept[1]);
  element?.focus({ preventScroll: true });
  if (element?.matches("input")) element.setSelectionRange(element.value.length, element.value.length);
}

document.addEventListener("submit", ({ target }) => {
  const { name } = document.activeElement;
  const isKept = target.matches("form.filters[data-filters]") && name && target.contains(document.activeElement);
  if (isKept && matchMedia("(pointer: fine)").matches) keepFocus(`form.filters [name="${CSS.escape(name)}"]`);
});
document.addEventListener("click", ({ target, detail }) => {
  if (detail === 0 && target.matches?.(RANGES)) keepFocus(`${RANGES}[aria-current]`); // by keyboard
});
giveFocusBack();

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
