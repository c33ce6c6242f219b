// Copy buttons. <button data-copy="#id"> copies that element's text, data-copy-text its own; <a data-copy-from> the text
// behind its address, which it opens where nothing can be copied.

const words = new WeakMap(); // label -> what it says, when it does not say "Copied"

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text], [data-copy-from]");
  if (!button || (button.href && (event.ctrlKey || event.metaKey || event.shiftKey))) return;
  if (button.href) event.preventDefault();
  const label = button.querySelector("[data-copy-label]") ?? button;
  if (!words.has(label)) words.set(label, label.textContent); // a second click finds "Copied" there
  try {
    await (button.href ? writeFrom(button.href) : navigator.clipboard.writeText(textOf(button).trim()));
    label.textContent = "Copied";
    button.dataset.copied = "";
  } catch {
    if (button.href) return location.assign(button.href);
    select(document.querySelector(button.dataset.copy ?? "body")); // no clipboard without https: leave it selected
    label.textContent = "Press Ctrl-C";
  }
  setTimeout(() => {
    label.textContent = words.get(label);
    delete button.dataset.copied;
  }, 1500);
});

const textOf = (button) => button.dataset.copyText ?? document.querySelector(button.dataset.copy).textContent;

/** The clipboard takes a promise: Safari lets nothing be written once a click has waited for an answer. */
function writeFrom(url) {
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": read(url) })]);
}

async function read(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return new Blob([(await answer.text()).trim()], { type: "text/plain" });
}

function select(element) {
  element.hidden = false; // what is hidden cannot be selected
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}
