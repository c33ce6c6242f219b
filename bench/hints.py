"""What hints cost: the same bodies stored with the stage that looks for hints and without, by CPU time.

    python -m bench.hints [BODIES]

In turns, so that what else the machine does hurts both alike; the median of the turns. Settings are read when they are
first asked for: after the data directory is known.
"""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator

import django

FOLDER = tempfile.TemporaryDirectory(prefix="bench-")
os.environ |= {"DASHBOARD_DATA_DIR": FOLDER.name, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
os.environ.pop("DATABASE_URL", None)
django.setup()

from django.core.management import call_command  # noqa: E402

from bench.bodies import SPANS_A_BODY, Bodies  # noqa: E402
from bench.tables import table  # noqa: E402
from collector import ingest  # noqa: E402
from collector.decode import decode  # noqa: E402
from collector.records import Stage  # noqa: E402
from sandboxes import hints  # noqa: E402

BODIES = 40  # a turn
TURNS = 9


def main(bodies: int) -> None:
    call_command("migrate", verbosity=0)
    all_stages = list(ingest.in_transaction)
    others = [stage for stage in all_stages if stage is not hints.record]
    source = iter(Bodies(7))
    turn_us(all_stages, source, bodies)  # caches
    taken = [(turn_us(all_stages, source, bodies), turn_us(others, source, bodies)) for _ in range(TURNS)]
    with_hints, without = (statistics.median(each) for each in zip(*taken, strict=True))
    table(
        f"hints in {bodies * SPANS_A_BODY:,} spans that have none, a turn",
        [
            ("CPU a span with hints", f"{with_hints:.1f} us"),
            ("baseline: without", f"{without:.1f} us"),
            ("cost of hints", f"{with_hints / without - 1:.1%}"),
        ],
    )


def turn_us(stages: list[Stage], source: Iterator[bytes], bodies: int) -> float:
    """CPU microseconds a span, decoding included."""
    ingest.in_transaction[:] = stages
    began = time.process_time()
    for body in itertools.islice(source, bodies):
        ingest.save_now(decode("traces", body, "protobuf"))
    return (time.process_time() - began) / (bodies * SPANS_A_BODY) * 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else BODIES)
