"""Two ranges of time side by side, of many operations: what the page takes of the server.

    python -m bench.compare [OPERATIONS]        (1,800)

Two days, of which every half hour has spans of all operations; half of these have become slower. Baseline of the same
run: one of the ranges alone, which reads the same windows once.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.server import Server
from bench.tables import table

LOOKS = 10
SERVICES = 9
HOUR_S = 3_600
SPANS_A_HALF_HOUR = 12  # of each operation
PATHS = {
    "24 h against the day before": "/compare/?range=24h",
    "6 h against the six before": "/compare/?range=6h",
    "24 h, by what is more frequent": "/compare/?range=24h&sort=count",
    "24 h, one service": "/compare/?range=24h&service=shop-1",
    "operations as CSV": "/export/compared_operations.csv?range=24h",
    "baseline: 24 h alone (the API's overview)": "/api/v1/overview?range=24h",
    "a health check (what any request costs)": "/healthz",
}


def main(operations: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        # The fill wants Django's settings with this folder, and the memory it takes back: a process of its own.
        fill_command = [sys.executable, "-m", "bench.compare", "fill", folder, str(operations)]
        subprocess.run(fill_command, check=True, env=os.environ | {"DASHBOARD_CLUSTER": "off"})
        server = Server(Path(folder), DASHBOARD_CLUSTER="off")
        try:
            server.settle()
            rows = [(name, _taken(server, path)) for name, path in PATHS.items()]
        finally:
            server.stop()
    table(f"{operations:,} operations in two ranges: server CPU a page, mean of {LOOKS}; bytes", rows)


def _taken(server: Server, path: str) -> str:
    size = len(server.get(path))
    before_s = server.cpu_s() + server.ended_cpu_s()
    for _ in range(LOOKS):
        server.get(path)
    return f"{(server.cpu_s() + server.ended_cpu_s() - before_s) * 1e3 / LOOKS:.0f} ms, {size / 1e3:.0f} kB"


def fill(folder: str, operations: int) -> None:
    """Measures two days, as arriving spans are."""
    os.environ |= {"DASHBOARD_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    from collector import intern, rollup
    from collector.records import OperationRecord

    call_command("migrate", verbosity=0)
    choose = random.Random(1)
    with transaction.atomic():
        intern.refresh()
        ids = intern.operations.resolve(
            [OperationRecord(f"shop-{n % SERVICES}", f"operation-{n}", 2) for n in range(operations)]
        )
    now_s = int(time.time()) // rollup.SHORTEST_S * rollup.SHORTEST_S
    for start_s in range(now_s - 48 * HOUR_S, now_s, HOUR_S // 2):
        series, durations = [], []
        for at, operation in enumerate(ids):
            slower = 1.5 if at % 2 and start_s >= now_s - 24 * HOUR_S else 1.0
            for _ in range(SPANS_A_HALF_HOUR):
                series.append(rollup.series_of(operation, choose.random() < 0.05))
                durations.append(int(choose.lognormvariate(16 + at % 7 / 2, 1) * slower))
        with transaction.atomic():
            rollup.note([rollup.Sheet(rollup.Subject.OPERATION, 1, series, [start_s] * len(series), durations)])
            rollup.count_news()


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_800)
