"""What a worker's process tells of its runs, through the published SDK's tracing, and what is no sandbox's time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
LOADS_FIRST = """
import sys
from sandboxes.plans import Plan
from sandboxes.trigger import Trigger
name = "kubernetes.client.api.core_v1_api"
before = name in sys.modules
Trigger(Plan("pool"), "run", "", 1)
print(before, name in sys.modules)
"""
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: here, context: {cluster: here, user: ""}}]
current-context: here
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


def test_what_the_first_client_loads_is_there_before_the_first_sandbox_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    environment = os.environ | {"KUBECONFIG": str(tmp_path / "config")}
    command = [sys.executable, "-c", LOADS_FIRST]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["False", "True"]
