// Charts: <figure data-chart="/charts/latency.json?range=15m" data-chart-topic="traces">, drawn after the first paint.
//
// The server says where a chart is and how high; its figure comes as JSON and is drawn by Plotly, which runs once, after
// the first paint, and only when a chart comes into view. On a change of the topic, and by whole steps as time goes on, the figure is
// fetched again and put into the same chart: the reader's zoom stays. Events of a figure: `chart:drawn`; `chart:select`
// with {from_ns, to_ns, low, high} (texts; low and high may be null) when an area of a heatmap was dragged.

import { forReader, isNarrow } from "./chart_figure.js";
import { listen, listenToButtons } from "./chart_reader.js";
import { fillTwin } from "./chart_twin.js";
import { isPaused, subscribe } from "./live.js";
import { paced } from "./pace.js";
import { loadPlotly } from "./plotly.js";

const SHORTEST_INTERVAL_MS = 250;
const SHORTEST_STEP_MS = 1_000;
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.plot = figure.querySelector("[data-chart-plot]");
    this.twin = figure.querySelector("[data-chart-twin]");
    this.answer = null; // what the server said last
    this.text = ""; // the same, as it came
    this.seen = false; // in view, or nearly
    this.due = true; // something may have changed since it was fetched
    this.zoom = null; // the range of time the reader chose, on the drawn axis
    this.fits = 0; // how often it was forgotten
    this.listening = false;
    this.refresh = paced(() => this.fetch(), SHORTEST_INTERVAL_MS);
    listenToButtons(this);
    this.twin?.addEventListener("toggle", () => this.fillTwin());
    const topics = (figure.dataset.chartTopic ?? "").split(" ").filter(Boolean);
    this.ends = topics.map((topic) => subscribe(topic, {}, () => this.changed()));
  }

  see(seen) {
    this.seen = seen;
    if (!seen || !this.due) return;
    loadPlotly().catch(() => {}); // beside the figure; drawing it says when that failed
    this.refresh();
  }

  /** Its figure may be another one now. */
  changed() {
    this.due = true;
    if (this.seen) this.refresh();
  }

  async fetch() {
    const url = this.figure.dataset.chart;
    this.due = false;
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const text = await response.text();
    if (isPaused() && this.answer) this.due = true;
    else if (text !== this.text && url === this.figure.dataset.chart) {
      this.text = text;
      this.answer = JSON.parse(text);
      await this.draw();
    }
    this.moveOn();
  }

  /** A live window moves on by its step, also when nothing arrives. */
  moveOn() {
    clearTimeout(this.timer);
    if (!this.figure.hasAttribute("data-chart-live") || !this.answer?.step_ms) return;
    const wait_ms = Math.max(SHORTEST_STEP_MS, this.answer.step_ms);
    this.timer = setTimeout(() => (isPaused() ? (this.due = true) : this.changed()), wait_ms);
  }

  async draw() {
    const { figure, answer, plot } = this;
    if (!answer) return;
    const Plotly = await loadPlotly();
    if (!figure.isConnected) return;
    figure.classList.toggle("is-empty", Boolean(answer.empty));
    figure.querySelector("[data-chart-empty]").textContent = answer.empty;
    this.fillNote(answer.note);
    plot.setAttribute("aria-label", answer.summary);
    if (answer.empty) this.clear();
    else {
      const { data, layout } = forReader(answer.figure, plot.clientWidth);
      // Plotly itself keeps a zoom only while the figure's own range stays the same: not in a live window.
      if (this.zoom) layout.xaxis.range = [...this.zoom];
      layout.uirevision = `fit ${this.fits}`;
      await Plotly.react(plot, data, layout, CONFIG);
      if (!this.listening) listen(this);
      this.listening = true;
    }
    this.nameColours();
    this.fillTwin();
    figure.dataset.drawn = Number(figure.dataset.drawn ?? 0) + 1;
    figure.dispatchEvent(new CustomEvent("chart:drawn", { bubbles: true }));
  }

  /** Which line is whose, where the labels at the line ends are numbers alone. */
  nameColours() {
    const place = this.figure.querySelector("[data-chart-colours]");
    if (!place) return;
    const names = isNarrow(this.plot.clientWidth) ? this.answer.figure.layout.meta?.colours ?? [] : [];
    place.hidden = !names.length;
    place.replaceChildren(...names.map(([colour, name]) => {
      const item = document.createElement("li");
      item.dataset.colour = colour;
      item.append(document.createElement("span"));
      item.firstChild.textContent = name;
      return item;
    }));
  }

  /** What the chart does not show, and the way to it. */
  fillNote(note) {
    const place = this.figure.querySelector("[data-chart-note]");
    if (!place) return;
    place.hidden = !note;
    place.textContent = note?.words ?? "";
    if (!note?.href) return;
    const link = document.createElement("a");
    link.href = note.href;
    link.textContent = note.link;
    place.append(" ", link);
  }

  fillTwin() {
    if (this.twin?.open && this.answer) fillTwin(this.figure, this.answer.table);
  }

  /** The whole window again. */
  fit() {
    this.fits += 1;
    this.zoom = null;
    for (const button of this.figure.querySelectorAll("[data-chart-zoomed]")) button.hidden = true;
    return this.draw();
  }

  clear() {
    if (this.listening) window.Plotly.purge(this.plot);
    this.listening = false; // a purge takes the listeners along
  }

  end() {
    clearTimeout(this.timer);
    for (const end of this.ends) end();
    inView.unobserve(this.figure);
    this.clear();
  }
}

const charts = new Map(); // figure -> Chart
const inView = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) charts.get(target)?.see(isIntersecting);
  },
  { rootMargin: "200px" },
);

/** Finds the page's charts anew: those that came with a redraw begin, those that went end. */
function findCharts() {
  for (const [figure, chart] of charts) {
    if (figure.isConnected) continue;
    chart.end();
    charts.delete(figure);
  }
  for (const figure of document.querySelectorAll("[data-chart]")) {
    if (charts.has(figure)) continue;
    charts.set(figure, new Chart(figure));
    inView.observe(figure);
  }
}

const every = (act) => charts.forEach((chart) => act(chart));
const root = document.documentElement;
new MutationObserver(() => every((chart) => chart.draw())).observe(root, { attributeFilter: ["data-theme"] });
new MutationObserver(() => every((chart) => chart.fit())).observe(root, { attributeFilter: ["data-zone"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => every((chart) => chart.draw()));
// Another address: other filters, without another page.
new MutationObserver((changes) => changes.forEach(({ target }) => charts.get(target)?.changed())).observe(
  document.body,
  { attributeFilter: ["data-chart"], subtree: true },
);
document.addEventListener("region:updated", findCharts);
document.addEventListener("live:paused", ({ detail: paused }) => paused || every((chart) => chart.due && chart.changed()));
findCharts();
