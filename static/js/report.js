// The figures of a report, inside its file: drawn when it is opened, again for another theme, and in light for paper.
// It is written into the file after chart_figure.js, and Plotly before both; see dashboard/report/document.py.

import { forReader } from "./chart_figure.js";

const root = document.documentElement;
const CONFIG = { displayModeBar: false, responsive: true, staticPlot: false };

function draw() {
  for (const plot of document.querySelectorAll("[data-figure]")) {
    const { figure } = JSON.parse(document.getElementById(`data-${plot.dataset.figure}`).textContent);
    const { data, layout } = forReader(figure, plot.clientWidth);
    window.Plotly.react(plot, data, layout, CONFIG).then(() => plot.setAttribute("data-drawn", ""));
  }
}

const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

document.querySelector("[data-theme-toggle]").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

// Paper is white, whatever the screen is.
let onScreen = null;
addEventListener("beforeprint", () => {
  onScreen = root.dataset.theme ?? "";
  root.dataset.theme = "light";
  root.classList.add("paper"); // as wide as paper, so that the figures are
  draw();
});
addEventListener("afterprint", () => {
  root.classList.remove("paper");
  if (onScreen) root.dataset.theme = onScreen;
  else delete root.dataset.theme;
  draw();
});
draw();
