// Plotly, loaded once, and only when there is something to draw. The page has css/chart.css under the id by which Plotly
// knows that its own <style> is not wanted: the content policy would refuse it.

const FILE = "../vendor/plotly-cartesian-4.1.1.min.js";

let loading = null;

/** The library, as it stands on `window`. */
export function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(FILE, import.meta.url);
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      loading = null;
      reject(new Error("Plotly could not be loaded"));
    });
    document.head.append(script);
  });
  return loading;
}
