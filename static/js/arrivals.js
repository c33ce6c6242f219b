// Regions about whatever arrives: <div id="state" data-arrivals> is redrawn when spans, logs or metrics were received.

import { subscribe } from "./live.js";
import { fetchRegion } from "./regions.js";

const INTERVAL_MS = 500;
const TOPICS = ["traces", "logs", "metrics", "status"];

/** Calls `redraw` soon after each call of it, once for all that come until then. */
function merged(redraw) {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    setTimeout(async () => {
      planned = false;
      try {
        await redraw();
      } catch {
        // The server is away: on reconnecting there is another snapshot.
      }
    }, INTERVAL_MS);
  };
}

for (const region of document.querySelectorAll("[data-arrivals]")) {
  const redraw = merged(() => fetchRegion(region.id));
  for (const topic of TOPICS) subscribe(topic, {}, redraw);
}
