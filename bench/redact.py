"""What redaction costs: the same bodies decoded, masked and stored under different rules, by CPU time; and CSV.

    python -m bench.redact [BODIES]

In turns, so that what else the machine does hurts all alike; the median of the turns. The baseline is redaction that is
off, which the first row holds against no call of it at all.
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
for name in ("DATABASE_URL", "REDACT_BUILTIN", "REDACT_PATTERNS", "REDACT_KEYS"):
    os.environ.pop(name, None)
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import QueryDict  # noqa: E402

from bench.bodies import SPANS_A_BODY, Bodies  # noqa: E402
from bench.tables import table  # noqa: E402
from collector.decode import decode  # noqa: E402
from collector.ingest import save_now  # noqa: E402
from collector.redact import redact  # noqa: E402
from collector.redaction import Rules, read_rules  # noqa: E402
from dashboard.export import csv_chunks, parse_export  # noqa: E402

BODIES = 20  # a turn
TURNS = 7
FIVE = "\n".join((r"\bcust-\d{8}\b", r"(?i)session=(\w+)", r"^tok_\w+$", r"\d{4}-\d{4}-\d{4}", "internal[.]example"))
KEYS = ["*password*", "http.request.header.authorization"]
OFF = "off"
RULES: dict[str, Rules | None] = {
    OFF: None,
    "5 patterns": read_rules([], FIVE, []),
    "all that is built in, and keys": read_rules(["all"], "", KEYS),
    "a pattern that cannot be looked for together": read_rules([], r"\Acust-\d{8}\z", []),
    "something in every span matches": read_rules([], r"/namespaces/(\w+)", []),
}


def main(bodies: int) -> None:
    call_command("migrate", verbosity=0)
    source = iter(Bodies(7))
    ingested: dict[str, list[float]] = {name: [] for name in ("no call", *RULES)}
    exported: dict[str, list[float]] = {name: [] for name in RULES}
    for turn in range(TURNS + 1):  # the first one for caches
        for name, found in ingested.items():
            settings.REDACTION = RULES.get(name)
            us = turn_us(source, bodies, masks=name != "no call")
            found += [us] * bool(turn)
    for _ in range(3):
        for name, found in exported.items():
            settings.REDACTION = RULES[name]
            found.append(export_us())
    settings.REDACTION = None
    _tell("ingest of spans with 8 attributes, decoded and stored", ingested)
    _tell("spans.csv", exported)


def turn_us(source: Iterator[bytes], bodies: int, *, masks: bool) -> float:
    """CPU microseconds a span."""
    began = time.process_time()
    for body in itertools.islice(source, bodies):
        batch = decode("traces", body, "protobuf")
        if masks:
            redact(batch)
        save_now(batch)
    return (time.process_time() - began) / (bodies * SPANS_A_BODY) * 1e6


def export_us() -> float:
    """CPU microseconds a row."""
    began = time.process_time()
    rows = sum(piece.count(b"\n") for piece in csv_chunks("spans", parse_export("spans", QueryDict("limit=50000"))))
    return (time.process_time() - began) / rows * 1e6


def _tell(what: str, taken: dict[str, list[float]]) -> None:
    baseline = statistics.median(taken[OFF])
    rows = []
    for name, found in taken.items():
        us = statistics.median(found)
        rows.append((name, f"{us:.1f} us, {us / baseline:.2f}"))
    table(f"redaction, {what}: CPU each, ratio to off", rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else BODIES)
