"""What instrumented programs sent, once, to a recorder: sent again as they sent it, and all of it found.

tests/data/*/otlp holds each request's body and how it came: Python programs with the Agent Sandbox SDK over HTTP, a
Go controller and router over gRPC, gzip, a Node.js program in JSON. What they hold is read here by other means than
the receiver's own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector.test_grpc import export
from tests.collector.test_http import send
from tests.server import Server, running_server

DATA = Path(__file__).parent.parent / "data"
RECORDINGS = sorted(path.parent for path in DATA.glob("*/otlp/index.jsonl"))

MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")

pytestmark = [pytest.mark.server, pytest.mark.long]


@pytest.fixture(scope="module", params=RECORDINGS, ids=lambda path: path.parent.name)
def recording(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def server(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for one recording: everything in it has to be accounted for."""
    with running_server(tmp_path_factory.mktemp(recording.parent.name)) as running:
        yield running


def requests(recording: Path) -> Iterator[dict[str, Any]]:
    for line in (recording / "index.jsonl").read_text().splitlines():
        yield json.loads(line)


def replay(server: Server, recording: Path) -> None:
    """Sends each request the way it came."""
    for request in requests(recording):
        body = (recording / (request.get("raw_file") or request["file"])).read_bytes()
        if request["transport"] == "grpc":
            assert export(server.otlp_port, body, METHODS[request["signal"]]) == b""
            continue
        encoding = {"Content-Encoding": request["content_encoding"]} if request["content_encoding"] else {}
        answer = send(server, body, request["content_type"], request["path"], headers=encoding)
        assert (answer.status, answer.body) == (200, b"{}" if "json" in request["content_type"] else b"")


def read(recording: Path, signal: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each item of a signal with its service, as JSON; in it the ids of protobuf bodies are base64, the others hex."""
    for request in requests(recording):
        if request["signal"] != signal:
            continue
        body = (recording / request["file"]).read_bytes()
        whole = json.loads(body) if body[:1] == b"{" else MessageToDict(MESSAGES[signal].FromString(body))
        names = {"traces": "Spans", "metrics": "Metrics", "logs": "Logs"}
        for of_resource in whole[f"resource{names[signal]}"]:
            attributes = {item["key"]: item["value"] for item in of_resource["resource"]["attributes"]}
            service = attributes.get("service.name", {}).get("stringValue", "")
            for of_scope in of_resource[f"scope{names[signal]}"]:
                for item in of_scope[{"traces": "spans", "metrics": "metrics", "logs": "logRecords"}[signal]]:
                    yield service, item


def plain(value: dict[str, Any]) -> Any:
    """An AnyValue as Python has it; one with nothing set is None."""
    if not value:
        return None
    [(kind, content)] = value.items()
    if kind == "kvlistValue":
        return {item["key"]: plain(item["value"]) for item in content["values"]}
    if kind == "arrayValue":
        return [plain(item) for item in content["values"]]
    return int(content) if kind == "intValue" else content


def spans_sent(recording: Path) -> Iterable[tuple[str, ...]]:
    for service, span in read(recording, "traces"):
        yield service, span["name"], str(span["startTimeUnixNano"]), str(span["endTimeUnixNano"])


def logs_sent(recording: Path) -> Iterable[tuple[str, ...]]:
    for service, record in read(recording, "logs"):
        time_ns = record.get("timeUnixNano") or record["observedTimeUnixNano"]
        yield service, str(time_ns), one_spelling(plain(record["body"]))


def points_sent(recording: Path) -> Iterable[tuple[str, ...]]:
    for service, metric in read(recording, "metrics"):
        [kind] = [kind for kind in KINDS if kind in metric]
        for point in metric[kind]["dataPoints"]:
            yield service, metric["name"], str(point["timeUnixNano"])


def columns(rows: list[dict[str, str]], *names: str) -> Counter[tuple[str, ...]]:
    return Counter(tuple(one_spelling(row[name].removeprefix("'")) for name in names) for row in rows)


def one_spelling(value: Any) -> str:
    """Text as it is; JSON, whose keys PostgreSQL reorders, in one spelling."""
    if isinstance(value, str) and value[:1] not in ("{", "["):
        return value
    return json.dumps(json.loads(value) if isinstance(value, str) else value, sort_keys=True)


def test_all_of_a_recording_is_there_and_once_when_it_comes_twice(server: Server, recording: Path) -> None:
    for _ in range(2):
        replay(server, recording)
        spans = columns(server.csv("spans"), "service", "name", "start_ns", "end_ns")
        assert spans == Counter(spans_sent(recording))
        assert columns(server.csv("logs"), "service", "time_ns", "body") == Counter(logs_sent(recording))
        points = columns(server.csv("metric_points"), "service", "metric", "time_ns")
        assert points == Counter(points_sent(recording))


def test_its_ids_join_spans_to_parents_and_logs_to_spans(server: Server, recording: Path) -> None:
    """Ids differ in every encoding: bytes, hex, base64. What points at each other before has to do so after."""
    replay(server, recording)
    spans = {(span["trace_id"], span["span_id"]): span for span in server.csv("spans")}
    assert all(len(trace) == 32 and len(span) == 16 for trace, span in spans)
    joined = [log for log in server.csv("logs") if (log["trace_id"], log["span_id"]) in spans]
    children = [span for span in spans.values() if (span["trace_id"], span["parent_span_id"]) in spans]
    assert (len(children), len(joined)) == (children_sent(recording), logs_in_spans_sent(recording))


def children_sent(recording: Path) -> int:
    spans = [span for _, span in read(recording, "traces")]
    ids = {(span["traceId"], span["spanId"]) for span in spans}
    return sum((span["traceId"], span.get("parentSpanId", "")) in ids for span in spans)


def logs_in_spans_sent(recording: Path) -> int:
    ids = {(span["traceId"], span["spanId"]) for _, span in read(recording, "traces")}
    records = [record for _, record in read(recording, "logs")]
    return sum((record.get("traceId", ""), record.get("spanId", "")) in ids for record in records)
