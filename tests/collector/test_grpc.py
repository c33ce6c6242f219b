"""OTLP/gRPC with stock channels, on the gRPC port and on every HTTP port."""

from __future__ import annotations

import os
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.collector.test_http import trace_request
from tests.server import Server

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PORTS = ["grpc_port", "otlp_port", "pages_port"]

pytestmark = pytest.mark.server


def export(port: int, body: bytes, method: str = EXPORT, **options: Any) -> bytes:
    """One call on a channel of its own; the answer's bytes."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer: bytes = unary(channel, method)(body, timeout=30, **options)
        return answer


def unary(channel: grpc.Channel, method: str = EXPORT) -> Any:
    """A call of raw bytes."""
    return channel.unary_unary(method, request_serializer=None, response_deserializer=None)


def refusal(port: int, body: bytes, **options: Any) -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        export(port, body, **options)
    return raised.value


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_every_port_takes_grpc(server: Server, port: str, compression: grpc.Compression) -> None:
    name = f"grpc {port} {compression.name}"
    assert export(getattr(server, port), trace_request(name), compression=compression) == b""
    assert server.span_names() >= {name}


@pytest.mark.parametrize("port", PORTS)
def test_a_large_message_passes_whole(server: Server, port: str) -> None:
    name = f"large {port}"
    body = trace_request(*[name] * 20_000)
    assert len(body) > 1_000_000
    export(getattr(server, port), body)
    assert server.count_spans(name) == 20_000


def test_many_calls_share_a_channel(server: Server) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.otlp_port}") as channel:
        call = unary(channel)
        futures = [call.future(trace_request("shared channel"), timeout=30) for _ in range(50)]
        assert [future.result() for future in futures] == [b""] * 50
    assert server.count_spans("shared channel") == 50


def test_a_bad_span_is_refused_alone(server: Server) -> None:
    answer = export(server.grpc_port, trace_request("bad", span_id=b"short"))
    assert ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans == 1


def test_an_unreadable_message_is_an_invalid_argument_with_details(server: Server) -> None:
    error = refusal(server.grpc_port, b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    detail = BadRequest()
    assert status.details[0].Unpack(detail)
    assert detail.field_violations[0].description == error.details()


def test_another_service_is_unimplemented(server: Server) -> None:
    method = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
    assert refusal(server.grpc_port, b"", method=method).code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_key_is_asked_for_and_taken_from_the_metadata(guarded_server: Server) -> None:
    port, body = guarded_server.grpc_port, trace_request("key", trace_id=os.urandom(16))
    assert refusal(port, body).code() is grpc.StatusCode.UNAUTHENTICATED
    wrong = refusal(port, body, metadata=[("x-otlp-api-key", "wrong")])
    assert wrong.code() is grpc.StatusCode.PERMISSION_DENIED
    assert export(port, body, metadata=[("x-otlp-api-key", "old-key")]) == b""
    assert export(port, body, metadata=[("authorization", "Bearer new-key")]) == b""
