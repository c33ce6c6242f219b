"""OTLP/HTTP as a receiver has to speak it, against a real server on a real port (reference: OTLP 1.11, "OTLP/HTTP")."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
from dataclasses import dataclass
from typing import Any

import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.server import Server

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MAX_BODY_BYTES = 64 * 1024 * 1024
T0_NS = 1_795_473_187_967_755_510

pytestmark = pytest.mark.server


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers["content-type"]

    def json(self) -> Any:
        return json.loads(self.body)

    def status_message(self) -> Status:
        """The google.rpc.Status every refusal carries."""
        return Status.FromString(self.body)


def send(
    server: Server, body: Any = b"", content_type: str = PROTOBUF, path: str = "/v1/traces", **options: Any
) -> Answer:
    """One request on a connection of its own. `headers` are added; a body that is an iterator is sent in chunks."""
    headers = {"Content-Type": content_type} | options.pop("headers", {})
    connection = http.client.HTTPConnection("127.0.0.1", options.pop("port", server.otlp_port), timeout=30)
    try:
        connection.request(options.pop("method", "POST"), path, body, headers, **options)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def trace_request(*names: str, trace_id: bytes | None = None, span_id: bytes | None = None) -> bytes:
    """An export request with a span of each name, of one trace of its own."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    trace_id = os.urandom(16) if trace_id is None else trace_id
    for name in names:
        spans.append(
            Span(
                name=name,
                trace_id=trace_id,
                span_id=os.urandom(8) if span_id is None else span_id,
                start_time_unix_nano=T0_NS,
                end_time_unix_nano=T0_NS + 1,
            )
        )
    return request.SerializeToString()


def json_request(name: str, **span: Any) -> dict[str, Any]:
    fields = {
        "name": name,
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "startTimeUnixNano": str(T0_NS),
        "endTimeUnixNano": str(T0_NS + 1),
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [fields | span]}]}]}


# What is stored


def test_it_answers_a_protobuf_request_with_an_empty_protobuf_response(server: Server) -> None:
    answer = send(server, trace_request("http protobuf"))
    assert (answer.status, answer.content_type, answer.body) == (200, PROTOBUF, b"")
    assert server.span_names() >= {"http protobuf"}


def test_it_answers_a_json_request_with_an_empty_json_response(server: Server) -> None:
    answer = send(server, json.dumps(json_request("http json")), JSON)
    assert (answer.status, answer.content_type, answer.body) == (200, JSON, b"{}")
    assert server.span_names() >= {"http json"}


@pytest.mark.parametrize("content_type", ["Application/X-Protobuf", "application/x-protobuf; charset=utf-8"])
def test_it_reads_content_types_in_any_case_and_with_parameters(server: Server, content_type: str) -> None:
    assert send(server, trace_request("x"), content_type).status == 200


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
@pytest.mark.parametrize(("content_type", "empty"), [(PROTOBUF, b""), (JSON, b"{}"), (JSON, b"")])
def test_an_empty_request_is_a_success(server: Server, signal: str, content_type: str, empty: bytes) -> None:
    assert send(server, empty, content_type, f"/v1/{signal}").status == 200


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/traces/"])
def test_the_pages_port_takes_telemetry_too(server: Server, path: str) -> None:
    assert send(server, trace_request("pages port"), path=path, port=server.pages_port).status == 200
    assert server.span_names() >= {"pages port"}


def test_it_unpacks_gzip(server: Server) -> None:
    body = gzip.compress(trace_request("packed"))
    assert send(server, body, headers={"Content-Encoding": "gzip"}).status == 200
    assert server.span_names() >= {"packed"}


def test_it_reads_gzip_members_one_after_the_other(server: Server) -> None:
    body = trace_request("two members")
    packed = gzip.compress(body[:10]) + gzip.compress(body[10:])
    assert send(server, packed, headers={"Content-Encoding": "GZIP"}).status == 200
    assert server.span_names() >= {"two members"}


def test_it_reads_a_body_in_chunks_without_a_length(server: Server) -> None:
    body = trace_request("chunked")
    chunks = (body[at : at + 7] for at in range(0, len(body), 7))
    assert send(server, chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"}).status == 200
    assert server.span_names() >= {"chunked"}


def test_it_takes_many_requests_on_one_connection(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.otlp_port, timeout=30)
    for number in range(5):
        body = trace_request(f"kept alive {number}") if number != 2 else b"\xff"
        connection.request("POST", "/v1/traces", body, {"Content-Type": PROTOBUF})
        response = connection.getresponse()
        assert response.status == (200 if number != 2 else 400)
        response.read()
        assert connection.sock is not None  # neither a success nor a refusal ends it
    connection.close()


def test_a_request_sent_again_is_stored_once(server: Server) -> None:
    body = trace_request("sent again", "sent again", "sent again")
    packed = gzip.compress(body)
    for _ in range(3):
        assert send(server, body).status == 200
        assert send(server, packed, headers={"Content-Encoding": "gzip"}).status == 200
    assert server.count_spans("sent again") == 3


# Partial success


def test_a_span_with_an_invalid_id_is_refused_alone(server: Server) -> None:
    request = ExportTraceServiceRequest.FromString(trace_request("good", "short id", "zero id"))
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[1].span_id, spans[2].trace_id = b"short", bytes(16)
    answer = send(server, request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 2)
    assert "short id" in partial.error_message
    assert server.span_names() >= {"good"}
    assert not server.span_names() & {"short id", "zero id"}


def test_a_span_at_an_impossible_time_is_refused_alone_in_json_too(server: Server) -> None:
    request = json_request("bad time", startTimeUnixNano=str(2**64 - 1))
    request["resourceSpans"] += json_request("beside a bad time")["resourceSpans"]
    answer = send(server, json.dumps(request), JSON)
    partial = answer.json()["partialSuccess"]
    assert (answer.status, partial["rejectedSpans"]) == (200, "1")
    assert "2262" in partial["errorMessage"]
    assert server.span_names() >= {"beside a bad time"}


# JSON as OTLP spells it


@pytest.mark.parametrize("upper", [False, True])
def test_json_ids_are_hex_in_either_case(server: Server, upper: bool) -> None:
    trace_id = "ab" * 12 + os.urandom(4).hex()
    given = trace_id.upper() if upper else trace_id
    assert send(server, json.dumps(json_request("hex", traceId=given)), JSON).status == 200
    assert server.find_trace(trace_id)


def test_json_may_hold_unknown_fields_numbers_as_numbers_and_null(server: Server) -> None:
    request = json_request("lenient", startTimeUnixNano=T0_NS, kind=3, madeUp={"a": [1]}, events=None)
    assert send(server, json.dumps(request), JSON).status == 200
    assert server.span_names() >= {"lenient"}


# Refusals


@pytest.mark.parametrize("body", [b"\xff\xff\xff", trace_request("cut short")[:-3]], ids=["no message", "cut short"])
def test_an_unreadable_body_is_400_with_a_status_that_names_it(server: Server, body: bytes) -> None:
    answer = send(server, body)
    status = answer.status_message()
    assert (answer.status, answer.content_type, status.code) == (400, PROTOBUF, 3)
    detail = BadRequest()
    assert status.details[0].Unpack(detail)
    assert detail.field_violations[0].description == status.message != ""


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"resourceSpans": 3}',
        b'{"resourceSpans":[{"scopeSpans":[7]}]}',
        json.dumps(json_request("x", startTimeUnixNano=-1)).encode(),
    ],
)
def test_unreadable_json_is_400_in_json(server: Server, body: bytes) -> None:
    answer = send(server, body, JSON)
    assert (answer.status, answer.content_type, answer.json()["code"]) == (400, JSON, 3)
    assert answer.json()["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(trace_request("cut"))[:-9], gzip.compress(b"x")[:-4] + b"abcd", b""],
    ids=["no gzip", "cut short", "wrong checksum", "empty"],
)
def test_broken_gzip_is_400(server: Server, body: bytes) -> None:
    answer = send(server, body, headers={"Content-Encoding": "gzip"})
    assert answer.status == (400 if body else 200)


def test_a_body_over_the_limit_is_413_before_it_is_read(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.otlp_port), timeout=30) as connection:
        head = (
            f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {MAX_BODY_BYTES + 1}"
        )
        connection.sendall(head.encode() + b"\r\n\r\n")
        answer = connection.makefile("rb").read()  # the server closes: what is left of the body is not worth reading
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"OTLP_MAX_BODY_BYTES" in answer


def test_a_small_body_that_unpacks_over_the_limit_is_413(server: Server) -> None:
    bomb = gzip.compress(bytes(MAX_BODY_BYTES + 1), compresslevel=9)
    answer = send(server, bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.status_message().code) == (413, 8)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/json+x", ""])
def test_an_unknown_content_type_is_415(server: Server, content_type: str) -> None:
    answer = send(server, b"{}", content_type)
    assert (answer.status, answer.json()["code"]) == (415, 3)
    assert "application/x-protobuf or application/json" in answer.json()["message"]


@pytest.mark.parametrize("encoding", ["zstd", "deflate", "gzip, gzip"])
def test_an_unknown_content_encoding_is_415(server: Server, encoding: str) -> None:
    answer = send(server, b"", headers={"Content-Encoding": encoding})
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_another_method_is_405(server: Server, method: str) -> None:
    answer = send(server, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/v1/spans", "/v1/traces/x", "/", "/traces/", "/v1development/profiles"])
def test_another_path_is_404_and_says_where_the_pages_are(server: Server, path: str) -> None:
    answer = send(server, b"{}", JSON, path)
    assert (answer.status, answer.json()["code"]) == (404, 5)
    assert str(server.pages_port) in answer.json()["message"]


# Every signal


def test_metrics_and_logs_have_their_own_paths(server: Server) -> None:
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="a gauge")
    metric.gauge.data_points.add(time_unix_nano=T0_NS, as_int=3)
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=T0_NS).body.string_value = "a log"
    assert send(server, metrics.SerializeToString(), path="/v1/metrics").status == 200
    assert send(server, logs.SerializeToString(), path="/v1/logs").status == 200
    assert server.metric_names() >= {"a gauge"}
    assert server.log_bodies() >= {"a log"}


# Settings


def test_without_a_key_it_is_401_and_with_a_wrong_one_403(guarded_server: Server) -> None:
    answer = send(guarded_server, trace_request("x"))
    assert (answer.status, answer.headers["www-authenticate"], answer.status_message().code) == (401, "Bearer", 16)
    answer = send(guarded_server, trace_request("x"), headers={"x-otlp-api-key": "wrong"})
    assert (answer.status, answer.status_message().code) == (403, 7)


@pytest.mark.parametrize(
    "headers",
    [{"x-otlp-api-key": "old-key"}, {"X-OTLP-API-KEY": "new-key"}, {"Authorization": "bearer new-key"}],
)
def test_either_key_is_taken_in_either_header(guarded_server: Server, headers: dict[str, str]) -> None:
    assert send(guarded_server, trace_request("x"), headers=headers).status == 200


def test_a_page_of_an_allowed_origin_may_send(guarded_server: Server) -> None:
    asked = {"Origin": "http://page.example", "Access-Control-Request-Headers": "content-type, x-otlp-api-key, cookie"}
    answer = send(guarded_server, method="OPTIONS", headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "http://page.example"
    assert answer.headers["access-control-allow-headers"] == "content-type, x-otlp-api-key"
    answer = send(guarded_server, b"", headers={"Origin": "http://page.example", "x-otlp-api-key": "old-key"})
    assert answer.headers["access-control-allow-origin"] == "http://page.example"


def test_a_page_of_another_origin_may_not(guarded_server: Server) -> None:
    answer = send(guarded_server, method="OPTIONS", headers={"Origin": "http://other.example"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (405, None)
