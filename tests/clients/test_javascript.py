"""The JavaScript exporters from npm: OTLP in JSON and, for traces, in protobuf."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.required import refuse
from tests.server import Server

PROGRAM = Path(__file__).parent / "javascript" / "export.js"

pytestmark = pytest.mark.server


def run_program(endpoint: str, name: str, encoding: str) -> str:
    """Sends a trace of two spans, a measurement and a log record; the trace's id."""
    missing = "Node.js (Debian: apt-get install nodejs npm)" if shutil.which("node") is None else ""
    if not missing and not (PROGRAM.parent / "node_modules").exists():
        missing = "the JavaScript exporters (npm ci in tests/clients/javascript, which `make test` does)"
    if missing:
        refuse(f"install {missing}")
    ended = subprocess.run(["node", PROGRAM, endpoint, name, encoding], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
@pytest.mark.parametrize("port", ["otlp_url", "pages_url"])
def test_its_traces_arrive_whole(server: Server, port: str, encoding: str) -> None:
    name = f"javascript {encoding} {port}"
    trace_id = run_program(getattr(server, port), name, encoding)
    child, parent = sorted(server.csv("spans", trace_id=trace_id), key=lambda span: span["name"])
    assert (parent["name"], parent["kind"], parent["status"]) == (f"{name} parent", "server", "unset")
    assert (child["parent_span_id"], child["status"], child["status_message"]) == (
        parent["span_id"],
        "error",
        "as intended",
    )
    assert json.loads(child["attributes"]) == {"words": ["é", "😀"], "count": 3, "ratio": 0.5}
    assert (child["service"], child["scope"]) == (name, "javascript-client")


def test_its_metrics_and_logs_arrive(server: Server) -> None:
    name = "javascript signals"
    trace_id = run_program(server.otlp_url, name, "json")
    point = server.csv("metric_points", service=name)[0]  # one flush, one shutdown: the same point twice
    assert (point["metric"], point["kind"], point["unit"]) == ("duration", "histogram", "ms")
    assert (point["count"], float(point["sum"])) == ("1", 12.5)
    [log] = server.csv("logs", service=name)
    assert (log["body"], log["severity"], log["trace_id"]) == (f"{name} says", "WARN", trace_id)
