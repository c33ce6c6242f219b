"""The page of a trace of thousands of spans: what it takes of the server, and its bytes.

python -m bench.trace [SPANS]        (5,000)

Baseline of the same run: the same spans read from the bare SQLite file, ids as hex, no page made of them.
"""

from __future__ import annotations

import gzip
import os
import random
import sqlite3
import sys
import time
import urllib.request
from contextlib import closing

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bench.bodies import pair
from bench.server import Server, running_server
from bench.tables import table

SPANS = 5_000
LOOKS = 20
MS = 10**6
STEPS = ("think", "plan", "GET", "POST", "sandbox.execute", "read_file", "tokenize", "SELECT")


def main(spans: int) -> None:
    trace_id = os.urandom(16)
    request = _request(trace_id, spans)
    path = f"/traces/{trace_id.hex()}/"
    selected = request.resource_spans[0].scope_spans[0].spans[spans // 2].span_id.hex()
    paths = {
        "the page": (path, ""),
        "the page, a span selected": (f"{path}?span={selected}", ""),
        "drawn again, as spans arrive": (path, "1"),
        "every row": (f"{path}?rows=all", ""),
        "statistics": (f"{path}?view=statistics", ""),
        "the panel of a span": (f"{path}?span={selected}", "detail"),
        "a health check (what any request costs)": ("/healthz", ""),
    }
    with running_server(DASHBOARD_CLUSTER="off") as server:
        _post(server, request.SerializeToString())
        rows = [("baseline: its spans read, no page", f"{_bare_ms(server, trace_id):.0f} ms")]
        for name, (url, partial) in paths.items():
            size, packed = _look(server, url, partial)
            cpu_ms = _cpu_ms(server, url, partial)
            rows.append((name, f"{cpu_ms:.0f} ms, {size / 1e6:.2f} MB ({packed / 1e6:.2f})"))
    table(f"a trace of {spans:,} spans: server CPU a page, mean of {LOOKS}; bytes (gzipped)", rows)


def _request(trace_id: bytes, number: int) -> ExportTraceServiceRequest:
    """An agent's trace: steps in steps, three to twelve a step, calls with what they were sent to, some that fail."""
    choose = random.Random(1)
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.append(pair("service.name", "my-agent"))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "my_agent"
    start_ns = time.time_ns()
    waiting = [(b"", start_ns, start_ns + number * 10 * MS)]
    spans = scope_spans.spans
    while len(spans) < number:
        parent_id, from_ns, to_ns = waiting.pop(0)
        children = choose.randrange(3, 13) if parent_id else 1
        step_ns = (to_ns - from_ns) // children
        for child in range(min(children, number - len(spans))):
            name = choose.choice(STEPS)
            one = Span(
                trace_id=trace_id,
                span_id=choose.randbytes(8),
                parent_span_id=parent_id,
                name=name,
                kind=Span.SPAN_KIND_CLIENT if name in ("GET", "POST", "SELECT") else Span.SPAN_KIND_INTERNAL,
                start_time_unix_nano=from_ns + child * step_ns,
                end_time_unix_nano=from_ns + child * step_ns + int(step_ns * choose.uniform(0.3, 1)),
                attributes=[
                    pair("http.request.method", "GET"),
                    pair("http.response.status_code", choose.choice([200] * 9 + [503])),
                    pair("url.path", f"/namespaces/default/sandboxclaims/{choose.randrange(40)}"),
                    pair("server.address", "10.0.0.7"),
                    pair("server.port", 8888),
                    pair("network.protocol.version", "1.1"),
                    pair("thread.id", choose.randrange(1, 9)),
                    pair("request.id", choose.randbytes(16).hex()),
                ],
            )
            if choose.random() < 0.02:
                one.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="deadline exceeded"))
            spans.append(one)
            waiting.append((one.span_id, one.start_time_unix_nano, one.end_time_unix_nano))
    return request


def _post(server: Server, body: bytes) -> None:
    headers = {"Content-Type": "application/x-protobuf"}
    url = f"http://127.0.0.1:{server.otlp_port}/v1/traces"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        answer.read()


def _look(server: Server, path: str, partial: str) -> tuple[int, int]:
    """The bytes of an answer, and gzipped."""
    headers = {"X-Partial": partial} if partial else {}
    request = urllib.request.Request(f"http://127.0.0.1:{server.pages_port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = answer.read()
    return len(body), len(gzip.compress(body, 6))


def _cpu_ms(server: Server, path: str, partial: str) -> float:
    for _ in range(3):
        _look(server, path, partial)
    before_s = server.cpu_s()
    for _ in range(LOOKS):
        _look(server, path, partial)
    return (server.cpu_s() - before_s) * 1e3 / LOOKS


def _bare_ms(server: Server, trace_id: bytes) -> float:
    with closing(sqlite3.connect(server.data_dir / "dashboard.sqlite3")) as database:
        began_s = time.process_time()
        for _ in range(LOOKS):
            rows = database.execute(
                "SELECT span_id, parent_span_id, operation_id, start_ns, duration_ns, status_code, attributes"
                " FROM collector_span WHERE trace_id = ? ORDER BY start_ns, id",
                (trace_id,),
            ).fetchall()
            [(row[0].hex(), row[1] and row[1].hex()) for row in rows]
        return (time.process_time() - began_s) * 1e3 / LOOKS


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SPANS)
