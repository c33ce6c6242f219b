"""The Python exporters, as they come: OTLP/HTTP and OTLP/gRPC, with gzip and without, on every port they may use."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression, _log_exporter, metric_exporter, trace_exporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.server import Server

Exporters = tuple[Any, Any, Any]  # of traces, metrics, logs

pytestmark = pytest.mark.server


def http_exporters(port: int, *, gzip: bool) -> Exporters:
    options: Any = {"compression": Compression.Gzip if gzip else Compression.NoCompression}
    url = f"http://127.0.0.1:{port}/v1"
    return (
        trace_exporter.OTLPSpanExporter(f"{url}/traces", **options),
        metric_exporter.OTLPMetricExporter(f"{url}/metrics", **options),
        _log_exporter.OTLPLogExporter(f"{url}/logs", **options),
    )


def grpc_exporters(port: int, *, gzip: bool) -> Exporters:
    options: Any = {
        "endpoint": f"http://127.0.0.1:{port}",
        "compression": grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
    }
    return (
        grpc_traces.OTLPSpanExporter(**options),
        grpc_metrics.OTLPMetricExporter(**options),
        grpc_logs.OTLPLogExporter(**options),
    )


def send_everything(name: str, exporters: Exporters) -> str:
    """A trace of two spans, a counter with an exemplar, and a log record; the trace's id."""
    resource = Resource({"service.name": name})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(exporters[0]))
    meters = MeterProvider([PeriodicExportingMetricReader(exporters[1])], resource, shutdown_on_exit=False)
    loggers = LoggerProvider(resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(exporters[2]))

    tracer = tracers.get_tracer("python-client", "1.2.3")
    with tracer.start_as_current_span(f"{name} parent", kind=trace.SpanKind.SERVER) as parent:
        attributes: dict[str, Any] = {"words": ["é", "😀"], "count": 2**62, "ratio": 0.5, "yes": True}
        with tracer.start_as_current_span(f"{name} child", attributes=attributes) as child:
            child.add_event("something happened", {"event.size": 7})
            child.set_status(trace.StatusCode.ERROR, "as intended")
        meters.get_meter("python-client").create_counter("calls", "{call}").add(3)
        loggers.get_logger("python-client").emit(
            severity_number=SeverityNumber.WARN, severity_text="WARN", body={"says": [name, 1]}
        )
    for provider in (tracers, meters, loggers):
        assert provider.force_flush()
        provider.shutdown()
    return trace.format_trace_id(parent.get_span_context().trace_id)


def check_arrived(server: Server, name: str, trace_id: str) -> None:
    child, parent = sorted(server.csv("spans", trace_id=trace_id), key=lambda span: span["name"])
    assert (parent["name"], parent["kind"], parent["parent_span_id"]) == (f"{name} parent", "server", "")
    assert (child["name"], child["parent_span_id"]) == (f"{name} child", parent["span_id"])
    assert (child["status"], child["status_message"]) == ("error", "as intended")
    assert json.loads(child["attributes"]) | {"count": 0} == {
        "words": ["é", "😀"],
        "count": 0,
        "ratio": 0.5,
        "yes": True,
    }
    assert str(2**62) in child["attributes"]
    assert (child["service"], child["scope"]) == (name, "python-client")
    # Flushing and shutting down export the same total twice.
    points = [point for point in server.csv("metric_points", service=name) if point["metric"] == "calls"]
    facts = {(point["kind"], point["unit"], point["temporality"], point["value"]) for point in points}
    assert facts == {("sum", "{call}", "cumulative", "3")}
    [log] = server.csv("logs", service=name)
    assert (json.loads(log["body"]), log["severity"]) == ({"says": [name, 1]}, "WARN")
    assert (log["trace_id"], log["span_id"]) == (trace_id, parent["span_id"])


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize(
    ("exporters", "port"),
    [
        (http_exporters, "otlp_port"),
        (http_exporters, "pages_port"),
        (grpc_exporters, "grpc_port"),
        (grpc_exporters, "otlp_port"),
        (grpc_exporters, "pages_port"),
    ],
)
def test_everything_arrives_whole(server: Server, exporters: Callable[..., Exporters], port: str, gzip: bool) -> None:
    name = f"python {exporters.__name__} {port} {gzip}"
    check_arrived(server, name, send_everything(name, exporters(getattr(server, port), gzip=gzip)))


def test_a_key_in_the_headers_variable_opens_the_door(guarded_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-otlp-api-key=new-key")
    for exporters, port in (
        (http_exporters, guarded_server.otlp_port),
        (grpc_exporters, guarded_server.grpc_port),
    ):
        name = f"with a key {exporters.__name__}"
        check_arrived(guarded_server, name, send_everything(name, exporters(port, gzip=True)))
