"""What it costs when each span has a name of its own, as with ids in names: `python -m bench.names [SPANS]`.

The same bodies in two databases: with the names they have, and each span with a name nobody has used. CPU time of the
thread that writes; what others do on the machine counts little. A process each, so that memory is told apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.bodies import SPANS_A_BODY, Bodies
from bench.rollups import BODIES, GROUP, SPANS_A_SECOND, renewed
from bench.server import ROOT
from bench.tables import table

if TYPE_CHECKING:
    from collector.records import Batch

SPANS = 1_000_000
LOOKS = 9
PORTIONS = 10  # of all spans; speed and memory of the first are compared with those of the last


def main(spans: int) -> None:
    usual, hostile = (
        json.loads(
            subprocess.run(
                [sys.executable, "-m", "bench.names", str(spans), kind], cwd=ROOT, check=True, stdout=subprocess.PIPE
            ).stdout
        )
        for kind in ("usual", "hostile")
    )
    rows = [
        ("operations: as usual, with a name a span", f"{usual['operations']:,}, {hostile['operations']:,}"),
        ("counted each by itself", f"{usual['counted']:,}, {hostile['counted']:,}"),
        ("rows of windows", f"{usual['windows']:,}, {hostile['windows']:,}"),
        ("store", f"{usual['us']:.1f}, {hostile['us']:.1f} us a span"),
        ("of it rollups", f"{usual['rollups_us']:.1f}, {hostile['rollups_us']:.1f} us a span"),
        (
            "a name a span: store, first and last tenth",
            f"{hostile['first_us']:.1f}, {hostile['last_us']:.1f} us a span",
        ),
        ("a name a span: RSS after the first, the last", f"{hostile['first_mb']:.0f}, {hostile['last_mb']:.0f} MB"),
        ("as usual: RSS after the first, the last", f"{usual['first_mb']:.0f}, {usual['last_mb']:.0f} MB"),
        ("slowest 20 of all operations, 15 min", f"{usual['slowest_ms']:.0f}, {hostile['slowest_ms']:.0f} ms"),
        ("percentiles of one service, 15 min", f"{usual['service_ms']:.0f}, {hostile['service_ms']:.0f} ms"),
        ("bytes a span", f"{usual['bytes']:.0f}, {hostile['bytes']:.0f}"),
    ]
    table(f"names: {spans:,} spans, as usual and with a name each", rows)


def one(spans: int, *, hostile: bool) -> dict[str, Any]:
    """Stores so many in a database of its own; gives what was measured."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ |= {"DASHBOARD_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        found = _store(spans, hostile)
        stored = sum(path.stat().st_size for path in Path(folder).iterdir())
        return found | _look() | {"bytes": stored / spans}


def _store(spans: int, hostile: bool) -> dict[str, Any]:
    from django.db import transaction

    from collector import intern, rollup, store, summary
    from collector.decode import decode
    from collector.records import NewRows
    from collector.rollup import news

    news._clock.next_s = float("inf")
    spent = {"rollups": 0.0}

    def measured(new: NewRows) -> None:
        began = time.thread_time()
        rollup.update(new)
        spent["rollups"] += time.thread_time() - began

    batches = [decode("traces", body, "protobuf") for body in islice(Bodies(99), BODIES)]
    numbers, tags = count(), count()
    portions_us, portions_mb = [], []
    uncounted = 0
    for _ in range(PORTIONS):
        cpu_s, stored = 0.0, 0
        while stored < spans // PORTIONS:
            for position in range(0, BODIES, GROUP):
                group = [renewed(batch, next(tags)) for batch in batches[position : position + GROUP]]
                if hostile:
                    for batch in group:
                        _rename(batch, numbers)
                began = time.thread_time()
                with transaction.atomic():
                    intern.refresh()
                    for batch in group:
                        store.save(batch, [summary.update, measured], careful=False)
                    if (uncounted := uncounted + GROUP * SPANS_A_BODY) >= SPANS_A_SECOND:
                        counting = time.thread_time()
                        news.count_news()
                        spent["rollups"] += time.thread_time() - counting
                        uncounted = 0
                cpu_s += time.thread_time() - began
                stored += GROUP * SPANS_A_BODY
        portions_us.append(cpu_s / stored * 1e6)
        portions_mb.append(_rss_mb())
    return {
        "us": sum(portions_us) / PORTIONS,
        "rollups_us": spent["rollups"] / (stored * PORTIONS) * 1e6,
        "first_us": portions_us[0],
        "last_us": portions_us[-1],
        "first_mb": portions_mb[0],
        "last_mb": portions_mb[-1],
    }


def _rename(batch: Batch, numbers: count[int]) -> None:
    """Each span with an operation of its own."""
    from collector.records import OperationRecord

    service = batch.resources[0].service
    batch.operations = [OperationRecord(service, f"GET /users/{next(numbers)}", 2) for _ in batch.spans]
    batch.spans = [span._replace(operation=at) for at, span in enumerate(batch.spans)]


def _look() -> dict[str, Any]:
    from collector import latency
    from collector.models import CountedSeries, Operation, Rollup
    from collector.queries import TelemetryFilter

    from_ns = time.time_ns() - 900 * 10**9
    service = Operation.objects.values_list("service", flat=True)[0]
    looks: dict[str, Callable[[], object]] = {
        "slowest_ms": lambda: latency.operations(TelemetryFilter(from_ns=from_ns)),
        "service_ms": lambda: latency.series(TelemetryFilter(from_ns=from_ns, service=service)),
    }
    found: dict[str, Any] = {}
    for name, look in looks.items():
        times_ms = []
        for _ in range(LOOKS):
            began = time.thread_time()
            look()
            times_ms.append((time.thread_time() - began) * 1e3)
        found[name] = sorted(times_ms)[LOOKS // 2]
    return found | {
        "operations": Operation.objects.count(),
        "counted": CountedSeries.objects.count(),
        "windows": Rollup.objects.count(),
    }


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    spans = int(sys.argv[1]) if len(sys.argv) > 1 else SPANS
    if len(sys.argv) > 2:
        print(json.dumps(one(spans, hostile=sys.argv[2] == "hostile")))
    else:
        main(spans)
