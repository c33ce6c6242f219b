"""The doctor's checks of this machine: kubectl, and the SDK under the Python somebody names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dashboard.doctor import client, commands
from dashboard.doctor.shapes import Status
from sandboxes.cluster import Right

TRACING = {"opentelemetry-exporter-otlp": "1.41.1", "opentelemetry-instrumentation-requests": "0.62b1"}
BOOTSTRAPPED = {client.BOOTSTRAPPED: "0.62b1", client.LOGGING: "0.62b1"}
EXTRAS = {"tracing": list(TRACING), "grpc": ["grpcio"], "async": ["httpx"]}


def program(folder: Path, name: str, prints: str, status: int = 0) -> Path:
    """A program that prints something."""
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\nexit {status}\n")
    path.chmod(0o755)
    return path


def python(folder: Path, sdk: str | None, *packages: dict[str, str]) -> str:
    """A Python with these packages."""
    there = {name: version for each in packages for name, version in each.items()}
    if sdk:
        there[client.SDK] = sdk
    found = {"python": "3.12", "there": there, "extras": EXTRAS if sdk else {}}
    return str(program(folder, "python", json.dumps(found)))


def test_kubectl_on_the_path_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "kubectl", '{"clientVersion": {"gitVersion": "v1.36.4"}}')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = client.kubectl()
    assert found.status is Status.OK
    assert "v1.36.4" in found.found


def test_no_kubectl_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = client.kubectl()
    assert found.status is Status.WARNING
    assert "kubectl" in found.commands[0]


def test_a_kubectl_that_does_not_work_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "kubectl", "Segmentation fault", status=139)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert client.kubectl().status is Status.WARNING


@pytest.mark.parametrize(
    ("sdk", "packages", "status", "words"),
    [
        ("1.0.8", [TRACING, BOOTSTRAPPED], Status.OK, "1.0.8, extras: tracing"),
        ("1.0.8", [TRACING, BOOTSTRAPPED], Status.OK, "OTEL_PYTHON_LOG_CORRELATION"),
        ("1.0.8", [TRACING], Status.WARNING, "without opentelemetry-instrumentation-urllib3"),
        ("1.0.8", [{"opentelemetry-exporter-otlp-proto-http": "1.45.2"}, BOOTSTRAPPED], Status.OK, "extras: none"),
        ("1.0.8", [], Status.WARNING, "extras: none"),
        ("1.0.8", [{"grpcio": "1.85"}], Status.WARNING, "extras: grpc"),
        ("0.4.6", [TRACING, BOOTSTRAPPED], Status.FAILED, "0.4.6"),
        (None, [], Status.FAILED, "not installed there"),
    ],
)
def test_the_sdk_is_looked_for_with_its_extras(
    tmp_path: Path, sdk: str | None, packages: list[dict[str, str]], status: Status, words: str
) -> None:
    found = client.sdk(python(tmp_path, sdk, *packages))
    assert found.status is status
    assert words in found.found


def test_two_extras_that_cannot_be_together_are_said_to_be_so(tmp_path: Path) -> None:
    found = client.sdk(python(tmp_path, "1.0.8", {"grpcio": "1.85"}))
    assert "[tracing] and [grpc] cannot be installed together" in found.fix
    assert "python -m venv" in found.commands[0]


def test_a_python_that_does_not_run_fails(tmp_path: Path) -> None:
    assert client.sdk(str(tmp_path / "nothing")).status is Status.FAILED
    assert client.sdk(str(program(tmp_path, "python", "no JSON"))).status is Status.FAILED


def test_what_is_asked_of_a_python_is_understood_by_a_real_one() -> None:
    found = client.sdk(sys.executable)
    assert "does not run" not in found.found


def test_without_a_name_our_own_python_is_no_trouble() -> None:
    assert client.sdk().status in (Status.OK, Status.NOT_APPLICABLE)


def test_rights_are_granted_by_the_verbs_they_have_in_common() -> None:
    rights = [Right("get", "pods"), Right("list", "pods"), Right("create", "pods", subresource="portforward")]
    lines = commands.grant("role", "jane doe", rights).splitlines()
    assert lines[0] == "kubectl create clusterrole role-1 --verb=get,list --resource=pods"
    assert lines[1] == "kubectl create clusterrolebinding role-1 --clusterrole=role-1 --user='jane doe'"
    assert lines[2] == "kubectl create clusterrole role-2 --verb=create --resource=pods/portforward"


def test_programs_are_installed_as_the_system_has_it() -> None:
    assert commands.install_kubectl("Darwin", "arm64") == "brew install kubectl"
    assert "linux/arm64" in commands.install_kubectl("Linux", "aarch64")
    assert "lsof" in commands.who_listens(4318, "Darwin")
