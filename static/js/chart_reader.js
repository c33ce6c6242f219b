// What the reader does on a plot: zooms in time and fits again, follows a dot, drags an area of a heatmap.

import { inUtc } from "./chart_figure.js";

/** Listens on a drawn plot. `chart` has figure, plot, answer, and `fit()` to call when the zoom is to be forgotten. */
export function listen(chart) {
  const { figure, plot } = chart;
  plot.on("plotly_relayout", (change) => {
    if (!("xaxis.range[0]" in change)) return;
    chart.zoom = [change["xaxis.range[0]"], change["xaxis.range[1]"]].map(milliseconds);
    for (const button of figure.querySelectorAll("[data-chart-zoomed]")) button.hidden = false;
  });
  plot.on("plotly_doubleclick", () => chart.fit());
  plot.on("plotly_click", ({ points: [point] }) => {
    if (typeof point.customdata === "string" && /^\/(?!\/)/.test(point.customdata)) location.assign(point.customdata);
  });
  plot.on("plotly_selected", (event) => {
    if (!event?.range) return;
    window.Plotly.relayout(plot, { selections: [] }); // the page draws its outline, of whole steps
    const detail = area(chart.answer.figure.layout.meta, plot.data[0].x, event.range);
    figure.dispatchEvent(new CustomEvent("chart:select", { bubbles: true, detail }));
    if (figure.dataset.chartSelect === "range") showRange(detail.from_ns, detail.to_ns);
  });
}

/** The buttons above a plot; they stay while plots come and go. */
export function listenToButtons(chart) {
  chart.figure.querySelector("[data-chart-fit]")?.addEventListener("click", () => chart.fit());
  chart.figure.querySelector("[data-chart-use]")?.addEventListener("click", () => {
    const [from_ms, to_ms] = chart.zoom.map((ms) => Math.round(inUtc(ms)));
    showRange(`${from_ms}000000`, `${to_ms}000000`);
  });
}

/** The page for another time: it stands in the address, to be kept or sent to somebody. */
function showRange(from_ns, to_ns) {
  const address = new URL(location.href);
  for (const name of ["range", "cursor"]) address.searchParams.delete(name);
  address.searchParams.set("from", from_ns);
  address.searchParams.set("to", to_ns);
  location.assign(address);
}

/** Whole steps and whole buckets of what was dragged. `drawn`: the steps' times in the reader's zone. */
function area({ edges, x: starts }, drawn, { x, y }) {
  const [left, right] = x.map(milliseconds).sort((a, b) => a - b);
  const [bottom, top] = [...y].sort((a, b) => a - b);
  const first = Math.max(0, drawn.findLastIndex((start) => start <= left));
  const after = drawn.findIndex((start) => start >= right);
  const last = Math.max(first + 1, after < 0 ? starts.length - 1 : after);
  const low = Math.min(edges.length - 2, Math.max(0, Math.floor(bottom)));
  const high = Math.max(low + 1, Math.min(edges.length - 1, Math.ceil(top)));
  return { from_ns: `${starts[first]}000000`, to_ns: `${starts[last]}000000`, low: edges[low], high: edges[high] };
}

/** Plotly tells times as text, without a zone: those of the axis. */
const milliseconds = (value) => (typeof value === "number" ? value : Date.parse(`${value.replace(" ", "T")}Z`));
