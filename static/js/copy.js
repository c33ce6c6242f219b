// Copy buttons. <button data-copy="#id"> copies that element's text, data-copy-text its own.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const text = button.dataset.copyText ?? document.querySelector(button.dataset.copy).textContent;
  const label = button.querySelector("[data-copy-label]") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text.trim());
    label.textContent = "Copied";
    button.dataset.copied = "";
  } catch {
    select(document.querySelector(button.dataset.copy ?? "body")); // no clipboard without https: leave it selected
    label.textContent = "Press Ctrl-C";
  }
  setTimeout(() => {
    label.textContent = before;
    delete button.dataset.copied;
  }, 1500);
});

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}
