"""The overview over a day of spans and claims: first byte, parts, and when it is of use.

    python -m bench.overview [SPANS] [CLAIMS]        (2,000,000 and 10,000)

Spans and claims are measured by the code that measures arriving ones; spans are not stored, claims are, recorded ones
multiplied. What the page reads is as much as with ten times the spans: every window of the last hour, and one of each
half hour before, has spans of all operations. In Chromium, of use is: text, tables, strips and sparklines are painted,
every module has run, and the page answers; charts, which come after that, and the longest time in which it does not
answer while they are drawn, are said separately. Last, how soon a POST has moved the heatmap: after a quiet time, and
of a steady stream, in which each message waits for its turn.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from bench.live import post_span
from bench.rollups import DAY_S, OPERATIONS
from bench.server import Server
from bench.tables import quantile, table

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOOKS = 15
PORTION = 500
RECORDED = ("burst-drained", "traced-warm", "quickstart-cold")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATHS = {
    "last 15 min": "/?range=15m",
    "last 24 h": "/?range=24h",
    "last 24 h, an area chosen": "/?range=24h&area_min=1s",
    "a health check (what any request costs)": "/healthz",
}
PARTS = ("answer", "operations", "newest")
CHARTS = ("time-to-ready", "latency-heatmap")
VISITS = 5
# Modules run before DOMContentLoaded; a task after the next frame begins when nothing keeps the page from answering.
WATCH = """
globalThis.seen = {busy_ms: 0, charts_ms: 0};
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) seen.busy_ms = Math.max(seen.busy_ms, task.duration);
}).observe({type: "longtask", buffered: true});
addEventListener("DOMContentLoaded", () =>
  requestAnimationFrame(() => setTimeout(() => (seen.usable_ms = performance.now()))));
document.addEventListener("chart:drawn", ({target}) => {
  seen.charts_ms = performance.now();
  if (target.id === "latency-heatmap") seen.moved_ms = Date.now();
});
"""
TOLD = """() => ({
  ...seen,
  first_byte_ms: performance.getEntriesByType("navigation")[0].responseStart,
  painted_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime,
})"""
MOVES = 40
QUIET_S, STEADY_S = (0.6, 0.9), (0.0, 0.25)  # between two POSTs
ROWS = (
    ("first byte", "first_byte_ms"),
    ("text, tables and sparklines are painted", "painted_ms"),
    ("of use: it answers", "usable_ms"),
    ("both charts are drawn", "charts_ms"),
    ("the longest it does not answer until then", "busy_ms"),
)


def main(spans: int, claims: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        # The fill wants Django's settings with this folder, and the memory it takes back: a process of its own.
        fill_command = [sys.executable, "-m", "bench.overview", "fill", folder, str(spans), str(claims)]
        subprocess.run(fill_command, check=True, env=os.environ | {"DASHBOARD_CLUSTER": "off"})
        os.environ["DASHBOARD_CLUSTER"] = "off"
        server = Server(Path(folder))
        try:
            server.settle()
            _pages(server, spans, claims)
            _parts(server)
            _browser(server)
        finally:
            server.stop()


def fill(folder: str, spans: int, claims: int) -> None:
    """Writes the day."""
    os.environ |= {"DASHBOARD_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    now_ns = time.time_ns()
    _measure(spans, now_ns)
    _start_claims(claims, now_ns)


def _measure(spans: int, now_ns: int) -> None:
    """Spans of the last hour, and of ten seconds in each half hour before it, back to a day ago."""
    from django.db import transaction

    from collector import rollup
    from collector.intern import operations
    from collector.records import OperationRecord

    choose = random.Random(1)
    with transaction.atomic():
        ids = operations.resolve([OperationRecord("shop", f"operation-{n}", 2) for n in range(OPERATIONS)])
    now_s = now_ns // 10**9 // rollup.SHORTEST_S * rollup.SHORTEST_S
    starts_s = [*range(now_s - DAY_S, now_s - 3_600, 1_800), *range(now_s - 3_600, now_s + 1, rollup.SHORTEST_S)]
    number = spans // len(starts_s)
    for at, start_s in enumerate(starts_s):
        series = [rollup.series_of(choose.choice(ids), choose.random() < 0.05) for _ in range(number)]
        durations = [int(choose.lognormvariate(16 + index % 7 / 2, 1)) for index in range(number)]
        with transaction.atomic():
            rollup.note([rollup.Sheet(rollup.Subject.OPERATION, 1, series, [start_s] * number, durations)])
            if at % 60 == 59 or start_s == starts_s[-1]:
                rollup.count_news()


def _start_claims(number: int, now_ns: int) -> None:
    """Recorded claims, multiplied and spread over the day."""
    from django.db import transaction

    from collector.rollup import count_news
    from collector.writer import Committed
    from sandboxes import rollup
    from sandboxes.models import Claim
    from sandboxes.recorded import read_changes
    from sandboxes.store import IMPORTED, keep
    from tests.sandboxes.recordings import watch_lines

    for scenario in RECORDED:
        keep(IMPORTED, list(read_changes(watch_lines(scenario))), Committed())
    recorded = list(Claim.objects.all())
    Claim.objects.all().delete()
    step_ns = DAY_S * 10**9 // number
    for first in range(0, number, PORTION):
        rows = []
        for at in range(first, min(number, first + PORTION)):
            one = Claim.objects.model(**{f.attname: getattr(recorded[at % len(recorded)], f.attname)
                                         for f in Claim._meta.concrete_fields if not f.primary_key})  # fmt: skip
            one.uid, one.name = f"uid-{at}", f"sandbox-claim-{at:08x}"
            one.zero_ns = now_ns - (number - at) * step_ns
            rows.append(one)
        with transaction.atomic():
            Claim.objects.bulk_create(rows)
            rollup.change([], [rollup.measurements(row) for row in rows])
    with transaction.atomic():
        count_news()  # as the server does once nothing else comes


def _pages(server: Server, spans: int, claims: int) -> None:
    rows = []
    for name, path in PATHS.items():
        times_ms = [_first_byte_ms(server, path) for _ in range(LOOKS + 1)][1:]
        rows.append((name, _milliseconds(times_ms)))
    table(f"overview over {spans:,} spans and {claims:,} claims: first byte, median and worst of {LOOKS}", rows)


def _parts(server: Server) -> None:
    rows = []
    for part, hours in itertools.product(PARTS, ("15m", "24h")):
        path = f"/?range={hours}"
        times_ms = [_first_byte_ms(server, path, {"X-Partial": part}) for _ in range(LOOKS + 1)][1:]
        rows.append((f"{part}, {hours}", _milliseconds(times_ms)))
    for chart in CHARTS:
        path = f"/charts/{chart}.json?range=24h"
        times_ms = [_first_byte_ms(server, f"{path}&pool=p{look}") for look in range(3)]
        times_ms += [_first_byte_ms(server, path) for _ in range(LOOKS)]
        rows.append((f"chart {chart}, 24h", _milliseconds(times_ms)))
    table(f"parts that are drawn again when something arrives: median and worst of {LOOKS}", rows)


def _first_byte_ms(server: Server, path: str, headers: dict[str, str] | None = None) -> float:
    request = urllib.request.Request(f"http://127.0.0.1:{server.pages_port}{path}", headers=headers or {})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read(1)
        return (time.perf_counter() - began) * 1e3


def _browser(server: Server) -> None:
    from playwright.sync_api import sync_playwright

    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        table("in a browser", [("no Chromium is installed", "not measured")])
        return
    visits: list[dict[str, float]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(VISITS):
            page = browser.new_page(viewport={"width": 1440, "height": 920})
            page.add_init_script(WATCH)
            page.goto(f"http://127.0.0.1:{server.pages_port}/?range=24h")
            for chart in CHARTS:
                page.locator(f"#{chart}[data-drawn]").wait_for()
            visits.append(page.evaluate(TOLD))
            page.close()
        page = browser.new_page(viewport={"width": 1440, "height": 920})
        page.add_init_script(WATCH)
        page.goto(f"http://127.0.0.1:{server.pages_port}/?range=15m&heatmap=operations")
        page.locator("#latency-heatmap[data-drawn]").wait_for()
        moves = {words: _moves(server, page, pause_s) for words, pause_s in (("quiet", QUIET_S), ("steady", STEADY_S))}
        browser.close()
    table(
        f"in Chromium, nothing cached: median and worst of {VISITS}",
        [(words, _milliseconds([visit[name] for visit in visits])) for words, name in ROWS],
    )
    table(
        f"from a POST to the heatmap that shows it: median and worst of {MOVES}",
        [(f"{words}: {low:g} to {high:g} s between", _milliseconds(moves[words]))
         for words, (low, high) in (("quiet", QUIET_S), ("steady", STEADY_S))],
    )  # fmt: skip


def _moves(server: Server, page: Page, pause_s: tuple[float, float]) -> list[float]:
    """Milliseconds from each POST to the end of the drawing that follows it."""
    choose, found = random.Random(3), []
    for _ in range(MOVES):
        time.sleep(choose.uniform(*pause_s))
        page.evaluate("seen.moved_ms = 0")
        began_ms = time.time() * 1e3
        post_span(server, os.urandom(16))
        page.wait_for_function("() => seen.moved_ms")
        found.append(page.evaluate("seen.moved_ms") - began_ms)
    return found


def _milliseconds(values: list[float]) -> str:
    return f"{quantile(values, 0.5):.0f}, {max(values):.0f} ms"


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        numbers = [int(argument) for argument in sys.argv[1:]]
        main(*(numbers + [2_000_000, 10_000][len(numbers) :]))
