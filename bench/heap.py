"""`python -m bench.heap [TICKS]`: the memory of a page whose charts move a thousand times, as in a thousand minutes.

Each tick is a POST that the page is told of; the next follows once the page has drawn it. A page that keeps what it
drew shows as a heap that grows; a flat one may still breathe by a few MB.
"""

from __future__ import annotations

import shutil
import sys
import time
import urllib.request

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.server import Server, running_server

TICKS = 1_000
LOOKS = 10
NAME = "bench.gauge"


def main(ticks: int) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with running_server() as server, sync_playwright() as playwright:
        _post(server, 0)
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{server.pages_port}/metrics/?metric={NAME}")
        page.locator("#metric .main-svg").first.wait_for()
        session = page.context.new_cdp_session(page)
        print(f"ticks {ticks:,}: heap of the page, MB, after garbage collection")
        for number in range(1, ticks + 1):
            _tick(server, page, number)
            if number % max(1, ticks // LOOKS) == 0 or number == 10:
                print(f"  after {number:>6,} ticks  {_heap_mb(session):6.1f}")
                sys.stdout.flush()
        browser.close()


def _tick(server: Server, page: Page, number: int) -> None:
    drawn = "Number(document.querySelector('#metric').dataset.drawn)"
    before = page.evaluate(drawn)
    _post(server, number)
    while page.evaluate(drawn) == before:
        time.sleep(0.01)


def _heap_mb(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def _post(server: Server, value: int) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=NAME, unit="1")
    metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_int=value)
    body, headers = request.SerializeToString(), {"Content-Type": "application/x-protobuf"}
    url = f"http://127.0.0.1:{server.otlp_port}/v1/metrics"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        answer.read()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TICKS)
