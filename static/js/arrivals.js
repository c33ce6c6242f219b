// Regions about whatever arrives: <div id="state" data-arrivals> is redrawn when spans, logs or metrics were received.

import { subscribe } from "./live.js";
import { fetchRegion } from "./regions.js";

const INTERVAL_MS = 1_000;

for (const region of document.querySelectorAll("[data-arrivals]")) {
  let planned = false;

  const redraw = ({ type }) => {
    if (planned || (type === "snapshot" && !region.dataset.drawn)) {
      region.dataset.drawn = ""; // the page itself is the first picture
      return;
    }
    planned = true;
    setTimeout(async () => {
      planned = false;
      try {
        await fetchRegion(region.id);
      } catch {
        // The server is away: on reconnecting there is another snapshot.
      }
    }, region.dataset.arrivals === "now" ? 0 : INTERVAL_MS);
  };

  for (const topic of ["traces", "logs", "metrics", "status"]) subscribe(topic, {}, redraw);
}
