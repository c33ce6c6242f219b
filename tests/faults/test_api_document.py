"""schemathesis against a real server: requests made from the API's document, each answer held against it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT, running_server

pytestmark = pytest.mark.server

RECORDED = ROOT / "demo" / "full-path.jsonl.gz"  # claims, traces, logs and points
LONGEST_S = 600  # half a minute, on a machine that does nothing else


def test_every_answer_is_what_the_document_says(tmp_path: Path) -> None:
    """Not held against it: a request that its types allow and its words do not, such as `range` with `from`."""
    with running_server(tmp_path) as server:
        load = [sys.executable, str(ROOT / "manage.py"), "import", str(RECORDED)]
        subprocess.run(load, env=server.environment, cwd=ROOT, check=True, capture_output=True, timeout=LONGEST_S)
        command = [str(Path(sys.executable).with_name("st")), "run", f"{server.pages_url}/api/v1/openapi.json"]
        options = ["--max-examples=5", "--generation-deterministic", "--exclude-checks=positive_data_acceptance"]
        options += ["--suppress-health-check=all", "--request-timeout=60", "--no-color"]
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST_S)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr
    assert "Tested: 19" in done.stdout, done.stdout
