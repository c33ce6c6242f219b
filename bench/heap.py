"""`python -m bench.heap [MINUTES]`: the memory of pages that stay open for a day: 1,000 minutes, compressed.

The page's clock is turned on by ten seconds at a time, so that all its timers fire as often as in that time: ages each
second, the overview's regions each ten. Something arrives in each step, and the next one follows when the page has
drawn it: the overview its regions, a metric's page its chart. A day has 6,000 steps. (The overview's heatmap is counted
each ten seconds of the server's clock, which is not compressed: it is drawn less often than in a day.)
A page that keeps what it drew shows as a heap, or as nodes, that grow; a flat one may still breathe by a few MB: Plotly
keeps how large texts are, up to ten thousand of them, and then begins anew. Measured with Plotly alone: 3,000 figures
of the same texts stay at 7.5 MB; of new texts they grow by 1.8 kB each from 7.6 to 10.7 MB, and are at 8.4 again.
A whole day, on two busy cores in 47 minutes: the overview 6.1 MB after 10 minutes, then 7.5, 8.0, 8.4 and 8.5 at each
quarter, with 1,335 charts drawn; a metric's page 7.1, then 11.0, 9.9, 9.0 and 11.4, with 6,069. Nodes: flat.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from bench.server import Server
from bench.tables import table

MINUTES = 1_000
STEP_S = 10  # the shortest step of what is counted: static/js/overview.js
LOOKS = (0.01, 0.25, 0.5, 0.75, 1)  # of the day
NAME = "bench.gauge"
# Each page, and what each step makes it draw.
PAGES = {"overview": ("/", "regions"), "a metric": (f"/metrics/?metric={NAME}", "charts")}
VIEWPORT: ViewportSize = {"width": 1440, "height": 3_000}  # charts out of view are not drawn
QUIET_LOOKS = 3
LONGEST_S = 5.0  # for a step that brings nothing new
# What the page does, counted; and how much it still waits for.
COUNT = """
window.counted = { fetching: 0, regions: 0, charts: 0 };
const fetched = window.fetch;
window.fetch = async (...given) => {
  counted.fetching += 1;
  try { return await fetched(...given); } finally { setTimeout(() => (counted.fetching -= 1)); }
};
document.addEventListener("region:updated", () => (counted.regions += 1));
document.addEventListener("chart:drawn", () => (counted.charts += 1));
"""


class Watched:
    """A page with a clock of its own, in a renderer of its own."""

    def __init__(self, browser: Browser, url: str, draws: str) -> None:
        self._draws = draws
        self.page: Page = browser.new_context(viewport=VIEWPORT).new_page()
        self.page.add_init_script(COUNT)
        self.page.clock.install()
        self.page.goto(url)
        self.page.locator("[data-chart][data-drawn]").first.wait_for()
        self._drawn_before = 0
        self._session = self.page.context.new_cdp_session(self.page)

    def begin(self) -> None:
        """Ten seconds go by."""
        self._drawn_before = self.page.evaluate(f"counted.{self._draws}")
        self.page.clock.run_for(STEP_S * 1_000)

    def finish(self) -> None:
        """Waits until what they brought is drawn."""
        until = time.monotonic() + LONGEST_S
        quiet = 0
        while quiet < QUIET_LOOKS and time.monotonic() < until:
            waits = self.page.evaluate(f"counted.fetching > 0 || counted.{self._draws} <= {self._drawn_before}")
            quiet = 0 if waits else quiet + 1
            time.sleep(0.01)

    def heap_mb(self) -> float:
        """After garbage collection."""
        self._session.send("HeapProfiler.collectGarbage")
        return float(self._session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    def nodes(self) -> int:
        """Of the document, detached ones that something still holds included."""
        counters = self._session.send("Memory.getDOMCounters")
        return int(counters["nodes"])

    def drawn(self) -> str:
        counted = self.page.evaluate("counted")
        return f"{counted['regions']:,}, {counted['charts']:,}"


def main(minutes: int) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    steps = minutes * 60 // STEP_S
    looks = {max(1, round(steps * part)) for part in LOOKS}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, sync_playwright() as playwright:
        fill = [sys.executable, "-m", "bench.overview", "fill", folder, "50000", "2000"]
        subprocess.run(fill, check=True, env=os.environ | {"DASHBOARD_CLUSTER": "off"})
        server = Server(Path(folder), DASHBOARD_CLUSTER="off")
        _post(server, 0)
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        address = f"http://127.0.0.1:{server.pages_port}"
        pages = {name: Watched(browser, address + path, draws) for name, (path, draws) in PAGES.items()}
        found: dict[str, list[tuple[str, str]]] = {name: [] for name in pages}
        for number in range(1, steps + 1):
            _post(server, number)
            for watched in pages.values():
                watched.begin()
            for name, watched in pages.items():
                watched.finish()
                if number in looks:
                    what = f"after {number * STEP_S / 60:,.0f} minutes: heap, nodes; regions, charts"
                    found[name].append((what, f"{watched.heap_mb():.1f} MB, {watched.nodes():,}; {watched.drawn()}"))
                    print(f"{name}: {' '.join(found[name][-1])}", file=sys.stderr, flush=True)
        for name, rows in found.items():
            table(f"{name}, open for {minutes:,} minutes, after garbage collection; drawn so far", rows)
        browser.close()
        server.stop()


def _post(server: Server, number: int) -> None:
    """A span and a point of now."""
    now_ns = time.time_ns()
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name=NAME, unit="1")
    metric.gauge.data_points.add(time_unix_nano=now_ns, as_int=number)
    traces = ExportTraceServiceRequest()
    traces.resource_spans.add().scope_spans.add().spans.add(
        trace_id=os.urandom(16), span_id=os.urandom(8), name=f"operation-{number % 40}",
        start_time_unix_nano=now_ns - (1 + number % 900) * 10**6, end_time_unix_nano=now_ns,
    )  # fmt: skip
    for name, body in (("metrics", metrics.SerializeToString()), ("traces", traces.SerializeToString())):
        headers = {"Content-Type": "application/x-protobuf"}
        url = f"http://127.0.0.1:{server.otlp_port}/v1/{name}"
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            answer.read()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MINUTES)
