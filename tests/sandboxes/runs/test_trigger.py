"""What a worker's process tells of its runs, through the published SDK's tracing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.server import ROOT, Server

TWO_RUNS = """
import sys
from opentelemetry import trace
from sandboxes.trigger import SERVICE, report_to
for run_id in ("first", "second"):
    provider = report_to(sys.argv[1], "", run_id)
    with trace.get_tracer(SERVICE).start_as_current_span(f"of the {run_id}"):
        pass
    provider.force_flush()
"""


@pytest.mark.long
@pytest.mark.server
def test_of_two_runs_in_one_process_each_has_its_own_spans(server: Server) -> None:
    command = [sys.executable, "-c", TWO_RUNS, server.otlp_url]
    done = subprocess.run(
        command, env=server.environment, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    spans = server.get_json("/api/v1/spans?service=sandbox-run")["items"]
    assert {span["name"]: (span["resource"] | span["attributes"])["sandbox-dashboard/run"] for span in spans} == {
        "of the first": "first",
        "of the second": "second",
    }
