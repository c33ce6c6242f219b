// The import: files dropped anywhere on the page, their names, and a button that says it is at work.

const form = document.querySelector("[data-import]");
const zone = form?.querySelector("[data-drop]");
const input = form?.querySelector('input[type="file"]');

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

if (form) {
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    const button = form.querySelector("[data-import-button]");
    button.textContent = "Importing…";
    button.setAttribute("aria-busy", "true");
  });
  // The browser's back button brings the page back as it was left.
  addEventListener("pageshow", () => {
    form.querySelector("[data-import-button]").textContent = "Import";
  });
}
