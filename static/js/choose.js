// Choosing two rows of a list: how many are chosen is said, and two can be compared. The form works without this.

const form = document.querySelector("[data-choose]");

function show() {
  const chosen = document.querySelectorAll(`input[form="${form.id}"]:checked`).length;
  const said = form.querySelector("[data-chosen]");
  said.dataset.asked ??= said.textContent;
  said.textContent = chosen ? `${chosen} chosen. ${chosen === 2 ? "" : said.dataset.asked}` : said.dataset.asked;
  form.querySelector("button").disabled = chosen !== 2;
}

if (form) {
  show();
  document.addEventListener("change", (event) => event.target.matches(`input[form="${form.id}"]`) && show());
  addEventListener("pageshow", show); // back again: the browser keeps what was ticked
}
