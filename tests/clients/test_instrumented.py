"""An unmodified program under `opentelemetry-instrument`, as the Agent Sandbox documentation has it started."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.required import refuse
from tests.server import ROOT, Server

PROGRAM = Path(__file__).parent / "instrumented" / "program.py"
# An environment of its own, with older packages than ours. Made by `make test`.
INSTRUMENTED = ROOT / ".venv" / "instrumented" / "bin"

pytestmark = [pytest.mark.server, pytest.mark.one_database, pytest.mark.long]


def run_program(server: Server, service: str, port: int, **variables: str) -> None:
    """Runs the program with telemetry on; the page it fetches is ours."""
    if not (INSTRUMENTED / "opentelemetry-instrument").exists():
        refuse("no opentelemetry-instrument: run `make test`, which installs it")
    environment = {
        "PATH": f"{INSTRUMENTED}:{os.environ['PATH']}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_SERVICE_NAME": service,
        "OTEL_PYTHON_LOG_CORRELATION": "true",
        **variables,
    }
    command = ["opentelemetry-instrument", "python", str(PROGRAM), f"{server.pages_url}/healthz"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "Failed to export" not in ended.stderr


# The distribution speaks gRPC unless told otherwise, whatever port it is pointed at: people point it at 4318 and 8000.
@pytest.mark.parametrize("port", ["grpc_port", "otlp_port", "pages_port"])
def test_its_traces_logs_and_metrics_arrive_as_it_comes(server: Server, port: str) -> None:
    service = f"instrumented at the {port}"
    run_program(server, service, getattr(server, port))
    check_arrived(server, service)


@pytest.mark.parametrize("port", ["otlp_port", "pages_port"])
def test_its_traces_logs_and_metrics_arrive_over_http(server: Server, port: str) -> None:
    service = f"instrumented over http at the {port}"
    run_program(server, service, getattr(server, port), OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    check_arrived(server, service)


def check_arrived(server: Server, service: str) -> None:
    [span] = server.csv("spans", service=service)
    assert (span["name"], span["kind"], span["scope"]) == ("GET", "client", "opentelemetry.instrumentation.urllib")
    assert f"{server.pages_url}/healthz" in span["attributes"]
    [log] = [log for log in server.csv("logs", service=service) if log["scope"] == "program"]
    assert (log["body"], log["severity"]) == (f"fetched {server.pages_url}/healthz", "INFO")
    points = {point["metric"]: point for point in server.csv("metric_points", service=service)}
    assert points["http.client.duration"]["count"] == "1"
