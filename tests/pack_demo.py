"""Makes the sessions of demo/ from the recordings: `python -m tests.pack_demo`.

Before: tests/data/SESSION has a watch stream and OTLP bodies. After: demo/SESSION.jsonl.gz has both, a line each, in
the order in which they came; `manage.py import` reads it.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sandboxes.demo import SESSIONS
from tests.sandboxes.recordings import DATA, watch_lines

FOLDER = Path(__file__).parent.parent / "demo"
REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
IDS = ("traceId", "spanId", "parentSpanId")


def pack(session: str) -> bytes:
    """The session's lines, the same bytes each time."""
    lines = [(json.loads(line).get("received_unix_nano", 0), line) for line in watch_lines(session)]
    for received_ns, body in _bodies(session):
        lines.append((received_ns, json.dumps(body, separators=(",", ":")).encode()))
    text = b"\n".join(line for _, line in sorted(lines, key=lambda item: int(item[0])))
    return gzip.compress(text + b"\n", 9, mtime=0)


def _bodies(session: str) -> Iterator[tuple[int, dict[str, Any]]]:
    folder = DATA / session / "otlp"
    for line in (folder / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        request = REQUESTS[entry["signal"]]()
        request.ParseFromString((folder / entry["file"]).read_bytes())
        yield entry["received_unix_nano"], _with_hex_ids(MessageToDict(request))


def _with_hex_ids(value: Any) -> Any:
    """OTLP writes ids as hex, where protobuf's own JSON has base64."""
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: base64.b64decode(item).hex() if key in IDS else _with_hex_ids(item) for key, item in value.items()}


if __name__ == "__main__":
    for name in SESSIONS:
        (FOLDER / f"{name}.jsonl.gz").write_bytes(pack(name))
