// Text that is cut at its box's edge stands whole in a title: the pointer is enough to read it. Where a row's link lies
// over the row's cells, it says what is under the pointer.

const MOST_LETTERS = 1_000;

const isCut = (box) => box.scrollWidth > box.clientWidth && getComputedStyle(box).textOverflow === "ellipsis";
const wordsOf = (box) => box.title || (isCut(box) ? box.textContent.trim().slice(0, MOST_LETTERS) : "");

document.addEventListener("pointerover", ({ target }) => {
  if (target.matches?.("td, th, span, a:not(.row-link), em, q") && !target.closest("[title]")) target.title = wordsOf(target);
});

document.addEventListener("pointermove", ({ target, clientX, clientY }) => {
  if (!target.matches?.("a.row-link")) return;
  target.dataset.title ??= target.title; // its own
  const row = target.closest("tr");
  const [words] = document.elementsFromPoint(clientX, clientY)
    .filter((box) => box !== target && row.contains(box) && box !== row)
    .map(wordsOf)
    .filter(Boolean);
  const title = words ?? target.dataset.title;
  if (target.title !== title) target.title = title;
});
