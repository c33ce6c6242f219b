"""More than can be written now: the sender is asked to come again, soon, and nothing it holds is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.collector.test_grpc import refusal
from tests.collector.test_http import Answer, send, trace_request
from tests.server import Server, running_server, wait_for

LARGE_BYTES = 12 * 1024 * 1024  # two of them may wait, a third may not

pytestmark = pytest.mark.server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of its own: others would feel the load."""
    with running_server(tmp_path) as running:
        yield running


@contextmanager
def locked_database(server: Server) -> Iterator[None]:
    """Somebody else is writing."""
    if server.database_url:
        with psycopg.connect(server.database_url) as connection:
            connection.execute("LOCK TABLE collector_span IN EXCLUSIVE MODE")  # others may read meanwhile
            yield
        return
    with closing(sqlite3.connect(server.data_dir / "dashboard.sqlite3", timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full_server(server: Server) -> Iterator[list[Future[Answer]]]:
    """As much is waiting to be written as may wait; gives the answers to come. One is turned away, so it is full."""
    body = large_request("waits")
    with ThreadPoolExecutor(6) as clients, locked_database(server):
        answers = [clients.submit(send, server, body) for _ in range(6)]
        wait(answers, timeout=60, return_when=FIRST_COMPLETED)
        yield answers


def large_request(name: str) -> bytes:
    request = ExportTraceServiceRequest.FromString(trace_request(name))
    padding = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="padding")
    padding.value.string_value = "x" * LARGE_BYTES
    return request.SerializeToString()


def large_span(name: str) -> ReadableSpan:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.get_tracer("faults").start_span(name, attributes={"padding": "x" * LARGE_BYTES}).end()
    [span] = kept.get_finished_spans()
    return span


def test_what_cannot_wait_is_asked_to_come_again_within_3_seconds(server: Server) -> None:
    with full_server(server) as futures:
        pass
    answers = [future.result() for future in futures]
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) >= 4
    assert {answer.status for answer in answers} <= {200, 503}
    for answer in refused:
        assert answer.headers["retry-after"] in ("1", "2", "3")
        assert answer.status_message().code == 14
    # One body, so one span: however often it was sent, and only if it was acknowledged at all.
    assert server.count_spans("waits") == (1 if any(answer.status == 200 for answer in answers) else 0)


def test_over_grpc_it_is_unavailable_with_a_delay(server: Server) -> None:
    with full_server(server):
        error = refusal(server.grpc_port, large_request("turned away"))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    trailers = dict(error.trailing_metadata())
    assert 1 <= RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]).retry_delay.seconds <= 3
    assert Status.FromString(trailers["grpc-status-details-bin"]).code == 14
    assert server.count_spans("turned away") == 0


@pytest.mark.parametrize("over", ["http", "grpc"])
def test_a_stock_exporter_comes_again_and_loses_nothing(server: Server, over: str) -> None:
    exporter: Any = (
        HttpExporter(f"{server.otlp_url}/v1/traces")
        if over == "http"
        else GrpcExporter(endpoint=f"http://127.0.0.1:{server.grpc_port}", insecure=True)
    )
    span = large_span(f"patient over {over}")
    with ThreadPoolExecutor(1) as client:
        with full_server(server):
            turned_away = server.get_json("/api/v1/status")["turned_away"]
            outcome = client.submit(exporter.export, [span])
            wait_for(lambda: server.get_json("/api/v1/status")["turned_away"] > turned_away, 30)
        assert outcome.result(timeout=60) is SpanExportResult.SUCCESS
    assert server.count_spans(f"patient over {over}") == 1
    exporter.shutdown()


def test_a_database_locked_for_long_is_no_reason_to_lose_anything(server: Server) -> None:
    if server.database_url:
        pytest.skip("PostgreSQL waits for a lock as long as it takes")
    body = trace_request("behind a lock")
    with locked_database(server):
        answer = send(server, body)
        assert answer.status == 503
        assert answer.headers["retry-after"] in ("1", "2", "3")
    assert send(server, body).status == 200
    assert server.count_spans("behind a lock") == 1
