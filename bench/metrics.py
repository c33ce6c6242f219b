"""The page of a metric with very many points: what its chart takes of the server, and its bytes.

    python -m bench.metrics [POINTS]        (2,000,000: of the sum told in deltas, and of the one since a start)

A day of twenty streams; histograms have a tenth of the points. Baseline of the same run: the points of the last quarter
of an hour, read from the bare SQLite file.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from bench.server import Server
from bench.tables import table

if TYPE_CHECKING:
    from collector.records import Batch

STREAMS = 20
LOOKS = 5
DAY_NS = 86_400 * 10**9
QUARTER_NS = 900 * 10**9
PORTION = 20_000
RANGES = ("15m", "24h", "all")
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
DELTA, CUMULATIVE, GAUGES = "told.in.deltas", "since.a.start", "a.gauge"
DELTA_SPREAD, CUMULATIVE_SPREAD = "histogram.in.deltas", "histogram.since.a.start"
METRICS = (DELTA, CUMULATIVE, GAUGES, DELTA_SPREAD, CUMULATIVE_SPREAD)


def main(points: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        # The fill wants Django's settings with this folder, and the memory it takes back: a process of its own.
        fill_command = [sys.executable, "-m", "bench.metrics", "fill", folder, str(points)]
        subprocess.run(fill_command, check=True, env=os.environ | {"DASHBOARD_CLUSTER": "off"})
        server = Server(Path(folder), DASHBOARD_CLUSTER="off", RETENTION_MAX_BYTES="0")
        try:
            server.settle()
            rows = [("baseline: points of 15 min read, no chart", f"{_bare_ms(Path(folder)):.0f} ms")]
            rows += [
                (f"{metric}, {name}", _taken(server, f"/charts/metric.json?range={name}", metric))
                for metric in METRICS
                for name in RANGES
            ]
            rows.append(("the page itself, 24h", _taken(server, "/metrics/?range=24h", DELTA)))
        finally:
            server.stop()
    table(f"metrics of {points:,} points in {STREAMS} streams: server CPU a chart, mean of {LOOKS}; bytes", rows)


def _taken(server: Server, path: str, metric: str) -> str:
    path = f"{path}&metric={metric}"
    size = len(server.get(path))
    before_s = server.cpu_s()
    for look in range(LOOKS):  # at another address each time: answers are kept for as long as nothing comes
        server.get(f"{path}&q={metric[: look + 1]}")
    return f"{(server.cpu_s() - before_s) * 1e3 / LOOKS:.0f} ms, {size / 1e3:.0f} kB"


def _bare_ms(folder: Path) -> float:
    with closing(sqlite3.connect(folder / "dashboard.sqlite3")) as database:
        (to_ns,) = database.execute("SELECT max(time_ns) FROM collector_metricpoint").fetchone()
        began_s = time.process_time()
        for _ in range(LOOKS):
            database.execute(
                "SELECT stream_id, time_ns, value_int, value_double FROM collector_metricpoint WHERE time_ns > ?",
                (to_ns - QUARTER_NS,),
            ).fetchall()
        return (time.process_time() - began_s) * 1e3 / LOOKS


def fill(folder: str, points: int) -> None:
    """Writes the day."""
    os.environ |= {"DASHBOARD_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    from collector import intern, store

    call_command("migrate", verbosity=0)
    end_ns = time.time_ns()
    for metric in METRICS:
        for batch in _batches(metric, points if metric in (DELTA, CUMULATIVE) else points // 10, end_ns):
            with transaction.atomic():
                intern.refresh()
                store.save(batch, [], careful=False)


def _batches(metric: str, number: int, end_ns: int) -> Iterator[Batch]:
    """Of all streams at once, the earliest first."""
    import orjson

    from collector.records import CUMULATIVE as SINCE_A_START
    from collector.records import Batch, MetricKind, PointRecord, ResourceRecord, ScopeRecord, StreamRecord

    choose = random.Random(1)
    spread, told = metric in (DELTA_SPREAD, CUMULATIVE_SPREAD), metric in (DELTA, DELTA_SPREAD)
    kind = MetricKind.HISTOGRAM if spread else MetricKind.GAUGE if metric == GAUGES else MetricKind.SUM
    temporality = 0 if metric == GAUGES else 1 if told else SINCE_A_START
    begin_ns, totals = end_ns - DAY_NS, [0] * STREAMS
    counts = [[0] * (len(BOUNDS) + 1) for _ in range(STREAMS)]
    times = number // STREAMS
    step_ns = DAY_NS // times
    for first in range(0, times, PORTION // STREAMS):
        batch = Batch(
            resources=[ResourceRecord("shop", '{"service.name":"shop"}')],
            scopes=[ScopeRecord("bench")],
            streams=[
                StreamRecord(0, 0, metric, "1", int(kind), temporality, kind == MetricKind.SUM,
                             f'{{"worker":{n}}}', begin_ns if temporality == SINCE_A_START else 0)
                for n in range(STREAMS)
            ],
        )  # fmt: skip
        for at in range(first, min(first + PORTION // STREAMS, times)):
            time_ns = begin_ns + (at + 1) * step_ns
            start_ns = 0 if metric == GAUGES else time_ns - step_ns if told else begin_ns
            for stream in range(STREAMS):
                more = choose.randrange(20)
                if not spread:
                    totals[stream] = more if temporality != SINCE_A_START else totals[stream] + more
                    batch.points.append(PointRecord(stream, start_ns, time_ns, 0, value_int=totals[stream]))
                    continue
                if told:
                    counts[stream] = [0] * (len(BOUNDS) + 1)
                for _ in range(more):
                    counts[stream][choose.randrange(len(BOUNDS) + 1)] += 1
                count = sum(counts[stream])
                detail = orjson.dumps({"bounds": BOUNDS, "counts": counts[stream]}).decode()
                batch.points.append(
                    PointRecord(stream, start_ns, time_ns, 0, count=count, sum=count * 0.5, detail=detail)
                )
        yield batch


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000)
