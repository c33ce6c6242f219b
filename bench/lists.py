"""The lists over many spans and log records, by what they are filtered by: what a page takes of the server.

    python -m bench.lists [SPANS] [LOGS]        (1,000,000 each)

A day of them, stored by the code that stores arriving ones. Baseline of the same run: the same list without a filter.
With DATABASE_URL the database's own work is not in the CPU time, but in the time to the answer.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.bodies import SPANS_A_BODY, SPANS_A_TRACE, Bodies
from bench.server import Server
from bench.tables import quantile, table

if TYPE_CHECKING:
    from collector.records import Batch

LOOKS = 7
DAY_NS = 86_400 * 10**9
BODIES = 64
GROUP = 16  # bodies a transaction
SEVERITIES = ((9, "INFO"),) * 80 + ((5, "DEBUG"),) * 12 + ((13, "WARN"),) * 6 + ((17, "ERROR"),) * 2
WORDS = (
    "claim",
    "sandbox",
    "ready",
    "pod",
    "scheduled",
    "request",
    "answered",
    "retry",
    "token",
    "tool",
    "step",
    "plan",
)
RARE, NOWHERE = "needle-7", "not-to-be-found"  # in one record of 50,000, in none
PATHS = {
    "traces, all": "/traces/?range=all",
    "traces, a service": "/traces/?range=all&service=bench-1",
    "traces, an operation": "/traces/?range=all&operation=operation-7",
    "traces, text in names": "/traces/?range=all&q=operation-39",
    "traces, errors": "/traces/?range=all&status=error",
    "traces, 80 ms and longer": "/traces/?range=all&min_duration=80ms",
    "traces, an attribute many have": "/traces/?range=all&q=http.response.status_code = 404",
    "traces, an attribute value none has": "/traces/?range=all&q=http.response.status_code = 418",
    "traces, an attribute none has": "/traces/?range=all&q=no.such.key = 1",
    "traces, attribute, service and duration": (
        "/traces/?range=all&q=service = bench-1 and duration > 80ms and http.response.status_code = 500"
    ),
    "traces, from the middle of the day": "/traces/?from={middle}&to={end}",
    "traces, a page in the middle": "/traces/?range=all&cursor={middle_trace}",
    "logs, all": "/logs/?range=all",
    "logs, warnings and worse": "/logs/?range=all&severity=warn",
    "logs, errors": "/logs/?range=all&severity=error",
    "logs, worse than any": "/logs/?range=all&severity=fatal",
    "logs, a service": "/logs/?range=all&service=bench-1",
    "logs, a service that says little": "/logs/?range=all&service=bench-quiet",
    "logs, errors of a service": "/logs/?range=all&service=bench-1&severity=error",
    "logs, text many have": "/logs/?range=all&q=sandbox",
    "logs, text few have": f"/logs/?range=all&q={RARE}",
    "logs, text none has": f"/logs/?range=all&q={NOWHERE}",
    "logs, text few have, last hour": f"/logs/?range=1h&q={RARE}",
    "logs, text and severity": "/logs/?range=all&q=sandbox&severity=error",
    "logs, a page in the middle": "/logs/?range=all&cursor={middle_log}",
}


def main(spans: int, logs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        # The fill wants Django's settings with this folder, and the memory it takes back: a process of its own.
        fill_command = [sys.executable, "-m", "bench.lists", "fill", folder, str(spans), str(logs)]
        subprocess.run(fill_command, check=True, env=os.environ | {"DASHBOARD_CLUSTER": "off"})
        look(Path(folder), spans, logs)


def look(folder: Path, spans: int, logs: int) -> None:
    """Asks for each page."""
    server = Server(folder, DASHBOARD_CLUSTER="off", RETENTION_MAX_BYTES="0")
    try:
        server.settle()
        places = _places(server)
        rows = [(name, _taken(server, quote(path.format(**places), safe="/?&="))) for name, path in PATHS.items()]
        rows.append(("a health check (what any request costs)", _taken(server, "/healthz")))
        table(f"lists over {spans:,} spans and {logs:,} log records: server CPU a page, median time", rows)
    finally:
        server.stop()


def _places(server: Server) -> dict[str, str]:
    """Times and cursors in the middle of the day."""
    newest = json.loads(server.get("/api/v1/traces?limit=1"))["items"][0]
    end_ns = int(newest["start_ns"])
    middle = end_ns - DAY_NS // 2
    return {
        "end": str(end_ns),
        "middle": str(middle),
        "middle_trace": f"{middle}-{'8' * 32}",
        "middle_log": f"{middle}-1",
    }


def _taken(server: Server, path: str) -> str:
    server.get(path)
    before_s, times_ms = server.cpu_s(), []
    for _ in range(LOOKS):
        began = time.perf_counter()
        server.get(path)
        times_ms.append((time.perf_counter() - began) * 1e3)
    return f"{(server.cpu_s() - before_s) * 1e3 / LOOKS:.0f}, {quantile(times_ms, 0.5):.0f} ms"


def fill(folder: str, spans: int, logs: int) -> None:
    """Writes the day."""
    os.environ |= {"DASHBOARD_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    from collector import intern, rollup, store, summary

    call_command("migrate", verbosity=0)
    end_ns = time.time_ns()
    batches = itertools.chain(_span_batches(spans, end_ns), _log_batches(logs, end_ns))
    while group := list(itertools.islice(batches, GROUP)):
        with transaction.atomic():
            intern.refresh()
            for batch in group:
                store.save(batch, [summary.update, rollup.update], careful=False)


def _span_batches(number: int, end_ns: int) -> Iterator[Batch]:
    """Bodies of two clients, again and again, with other trace ids and times: of the earliest first."""
    from collector.decode import decode

    choose = random.Random(1)
    bodies = [body for client in (0, 1) for body in itertools.islice(Bodies(client), BODIES // 2)]
    decoded = [decode("traces", body, "protobuf") for body in bodies]
    made = [batch.spans for batch in decoded]
    for at in range(0, number, SPANS_A_BODY):
        batch = decoded[at // SPANS_A_BODY % BODIES]
        traces = [choose.randbytes(16) for _ in range(SPANS_A_BODY // SPANS_A_TRACE)]
        first_ns, step_ns = end_ns - DAY_NS + DAY_NS * at // number, DAY_NS // number
        batch.spans = [
            span._replace(trace_id=traces[index // SPANS_A_TRACE], start_ns=first_ns + step_ns * index)
            for index, span in enumerate(made[at // SPANS_A_BODY % BODIES])
        ]
        yield batch


def _log_batches(number: int, end_ns: int) -> Iterator[Batch]:
    """Sentences of a dozen words with numbers, four attributes; half of them in traces nobody has."""
    import orjson

    from collector.records import Batch, Clock, LogRecord, ResourceRecord, ScopeRecord

    choose = random.Random(2)
    services = ("bench-0", "bench-1", "bench-2", "bench-quiet")
    resources = [ResourceRecord(name, orjson.dumps({"service.name": name}).decode()) for name in services]
    step_ns = DAY_NS // number
    for first in range(0, number, SPANS_A_BODY):
        batch = Batch(resources=resources, scopes=[ScopeRecord("bench")])
        for at in range(first, min(first + SPANS_A_BODY, number)):
            severity, word = choose.choice(SEVERITIES)
            said = f"{' '.join(choose.choices(WORDS, k=10))} {choose.randrange(10**6)}"
            told = {
                "thread.id": at % 9,
                "code.function.name": f"step_{at % 40}",
                "request.id": f"{choose.getrandbits(64):x}",
            }
            batch.logs.append(
                LogRecord(
                    resource=3 if at % 10_000 == 0 else at % 3,
                    scope=0,
                    time_ns=end_ns - DAY_NS + step_ns * at,
                    clock=int(Clock.CLIENT),
                    observed_ns=None,
                    severity_number=severity,
                    severity_text=word,
                    body=orjson.dumps(f"{said} {RARE}" if at % 50_000 == 7 else said).decode(),
                    event_name="",
                    trace_id=choose.randbytes(16) if at % 2 else None,
                    span_id=choose.randbytes(8) if at % 2 else None,
                    flags=0,
                    attributes=orjson.dumps(told).decode(),
                )
            )
        yield batch


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        numbers = [int(argument) for argument in sys.argv[1:]]
        main(*(numbers + [1_000_000, 1_000_000][len(numbers) :]))
