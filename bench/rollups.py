"""What rollups cost the writer, and what percentiles of a day of ten million spans take to read.

    python -m bench.rollups SECONDS SPANS        prints two tables

Cost: the same bodies stored with and without, in turns, in one process; CPU time of the thread that writes, so that
others on the machine count little. The day's spans are measured by the code that measures arriving ones, not stored.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from bench.bodies import SPANS_A_BODY, Bodies
from bench.tables import table

if TYPE_CHECKING:
    from collector.records import Batch

OPERATIONS = 160
BODIES = 32
GROUP = 4  # bodies a transaction, as under full load
SPANS_A_SECOND = 45_000  # at full load so many are counted at once
DAY_S = 86_400
LOOKS = 15


def main(seconds: float, spans: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ |= {"DASHBOARD_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _cost(seconds)
        _panel(spans)


def _cost(seconds: float) -> None:
    from django.db import transaction

    from collector import intern, rollup, store, summary
    from collector.decode import decode
    from collector.records import Stage
    from collector.rollup import news

    news._clock.next_s = float("inf")  # counted below, after as many spans as a second brings
    decoding = time.thread_time()
    batches = [decode("traces", body, "protobuf") for body in islice(Bodies(99), BODIES)]
    decode_us = (time.thread_time() - decoding) / (BODIES * SPANS_A_BODY) * 1e6
    stages: dict[str, list[Stage]] = {
        "without": [summary.update],
        "with": [summary.update, rollup.update],
    }
    spent = dict.fromkeys(stages, 0.0)
    stored = uncounted = tag = 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for position in range(0, BODIES, GROUP):
            for name in stages:
                tag += 1
                group = [renewed(batch, tag) for batch in batches[position : position + GROUP]]
                cpu_s = time.thread_time()
                with transaction.atomic():
                    intern.refresh()
                    for batch in group:
                        store.save(batch, stages[name], careful=False)
                    if name == "with" and (uncounted := uncounted + GROUP * SPANS_A_BODY) >= SPANS_A_SECOND:
                        news.count_news()
                        uncounted = 0
                spent[name] += time.thread_time() - cpu_s
            stored += GROUP * SPANS_A_BODY
    without_us, with_us = (spent[name] / stored * 1e6 for name in ("without", "with"))
    table(
        f"rollups in ingest: {stored:,} spans stored each way, {GROUP * SPANS_A_BODY:,} a transaction",
        [
            ("store, without and with rollups", f"{without_us:.1f}, {with_us:.1f} us a span"),
            ("decode", f"{decode_us:.1f} us a span"),
            ("cost of rollups in all of it", f"{1 - (without_us + decode_us) / (with_us + decode_us):.0%}"),
        ],
    )


def renewed(batch: Batch, tag: int) -> Batch:
    """The same batch with new trace ids, begun now."""
    now_ns, mark = time.time_ns(), tag.to_bytes(4, "big")
    batch.spans = [span._replace(trace_id=span.trace_id[:12] + mark, start_ns=now_ns) for span in batch.spans]
    return batch


def _panel(spans: int) -> None:
    from collector import latency
    from collector.models import Rollup
    from collector.queries import TelemetryFilter

    to_ns = time.time_ns()
    measure_a_day(spans, to_ns)
    day = TelemetryFilter(from_ns=to_ns - DAY_S * 10**9, to_ns=to_ns)
    one = replace(day, operation="operation-7")
    looks: dict[str, Callable[[], object]] = {
        "slowest 20 of all operations, with sparklines": lambda: latency.operations(day),
        "percentiles by half hour, all operations": lambda: latency.series(day),
        "heatmap, all operations": lambda: latency.heatmap(day),
        "one operation: its row": lambda: latency.operations(one),
        "one operation: percentiles by ten minutes": lambda: latency.series(one, points=240),
        "last 15 min: slowest 20 of all operations": lambda: latency.operations(
            TelemetryFilter(from_ns=to_ns - 900 * 10**9, to_ns=to_ns)
        ),
    }
    rows = [(name, _timed(look)) for name, look in looks.items()]
    rows.append(("rows of windows", f"{Rollup.objects.count():,}"))
    table(f"percentiles of 24 h, {spans:,} spans of {OPERATIONS} operations: median, worst of {LOOKS}, CPU", rows)


def measure_a_day(spans: int, to_ns: int) -> None:
    """Spans of a day as news of ten seconds each, counted some minutes at a time."""
    from django.db import transaction

    from collector import rollup
    from collector.intern import operations
    from collector.records import OperationRecord

    choose = random.Random(1)
    with transaction.atomic():
        ids = operations.resolve([OperationRecord("shop", f"operation-{n}", 2) for n in range(OPERATIONS)])
    durations = [int(choose.lognormvariate(16 + index % 7 / 2, 1)) for index in range(100_003)]
    series = [rollup.series_of(choose.choice(ids), choose.random() < 0.05) for _ in range(99_991)]
    windows = DAY_S // rollup.SHORTEST_S
    first_s = to_ns // 10**9 - DAY_S
    at = 0
    for window in range(windows):
        number = spans * (window + 1) // windows - spans * window // windows
        start_s = (first_s + window * rollup.SHORTEST_S) // rollup.SHORTEST_S * rollup.SHORTEST_S
        sheet = rollup.Sheet(
            rollup.Subject.OPERATION, 1, _take(series, at, number), [start_s] * number, _take(durations, at, number)
        )
        with transaction.atomic():
            rollup.note([sheet])
            if window % 60 == 59 or window == windows - 1:
                rollup.count_news()
        at += number


def _take(values: Sequence[int], position: int, number: int) -> list[int]:
    """So many from there on, round and round."""
    size = len(values)
    return [values[(position + index) % size] for index in range(number)]


def _timed(look: Callable[[], object]) -> str:
    times_ms, cpu_ms = [], []
    for _ in range(LOOKS):
        began, cpu_began = time.perf_counter(), time.thread_time()
        look()
        times_ms.append((time.perf_counter() - began) * 1e3)
        cpu_ms.append((time.thread_time() - cpu_began) * 1e3)
    middle = LOOKS // 2
    return f"{sorted(times_ms)[middle]:.0f}, {max(times_ms):.0f}, {sorted(cpu_ms)[middle]:.0f} ms"


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
