"""The doctor in front of a real cluster: what is in place, what an account may not do, and that its fix is one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.plane import Plane, write_kubeconfig
from tests.server import ROOT, Server

pytestmark = pytest.mark.server

FEW = [{"apiGroups": ["extensions.agents.x-k8s.io"], "resources": ["sandboxclaims"], "verbs": ["get", "list"]}]
TIMEOUT_S = 120


def doctor(dashboard: Server, kubeconfig: Path) -> dict[str, dict[str, Any]]:
    """Its checks, by key."""
    environment = {**dashboard.environment, "DASHBOARD_CLUSTER": "auto", "KUBECONFIG": str(kubeconfig)}
    command = [sys.executable, "manage.py", "doctor", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode in (0, 1), done.stderr
    return {check["key"]: check for check in json.loads(done.stdout)["checks"]}


def test_what_is_in_place_is_well_and_the_pool_without_a_template_is_named(plane: Plane, dashboard: Server) -> None:
    found = doctor(dashboard, plane.kubeconfig)
    well = ("cluster", "api", "controller", "router", "templates", "rights", "rights-sdk", "clock-cluster", "addresses")
    assert {key: found[key]["status"] for key in well} == dict.fromkeys(well, "ok"), found
    assert "orphan-pool (missing-template)" in found["pools"]["found"]


def test_an_account_with_few_rights_may_what_the_fix_grants(plane: Plane, dashboard: Server, tmp_path: Path) -> None:
    few = tmp_path / "kubeconfig"
    write_kubeconfig(few, plane.account("asks-the-doctor", FEW))
    before = doctor(dashboard, few)
    assert before["rights"]["status"] == "failed"
    assert "watch sandboxclaims" in before["rights"]["found"]
    for key in ("rights", "rights-sdk"):
        (grant,) = before[key]["commands"]
        _run(grant, plane, tmp_path)
    after = doctor(dashboard, few)
    assert (after["rights"]["status"], after["rights-sdk"]["status"]) == ("ok", "ok")


def _run(command: str, plane: Plane, folder: Path) -> None:
    """As it was copied. kubectl without a home keeps its cache where it is run."""
    subprocess.run(
        ["bash", "-c", command], cwd=folder, env=plane.environment, check=True, capture_output=True, timeout=TIMEOUT_S
    )
