"""Programs of the published SDK, run as their authors would: in their own environment, under opentelemetry-instrument.

Before: a plane they make claims in, a dashboard that takes their telemetry. After: what they printed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.plane import Plane
from tests.required import refuse
from tests.server import ROOT

DOCUMENTED = ROOT / ".venv" / "documented" / "bin"
PROGRAM = ROOT / "tests" / "clients" / "documented" / "main.py"
BURST = PROGRAM.with_name("burst.py")
IMPATIENT = PROGRAM.with_name("impatient.py")
TIMEOUT_S = 300  # a busy machine


def start_program(
    plane: Plane, endpoint: str, command: Sequence[str | Path], **variables: str
) -> subprocess.Popen[str]:
    """Starts a Python program that speaks with the plane; its telemetry goes to the endpoint."""
    if not (DOCUMENTED / "opentelemetry-instrument").exists():
        refuse("The SDK's environment is not there: run `make test-cluster`, which installs it.")
    found = plane.environment
    path = f"{DOCUMENTED}:{found['PATH']}"
    environment = {**found, "PATH": path, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **variables}
    return subprocess.Popen(
        ["opentelemetry-instrument", "python", *command],
        env=environment,
        executable=DOCUMENTED / "opentelemetry-instrument",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(program: subprocess.Popen[str]) -> str:
    """What it printed, once it has ended well."""
    output, errors = program.communicate(timeout=TIMEOUT_S)
    assert program.returncode == 0, f"{output}\n{errors}"
    return output
