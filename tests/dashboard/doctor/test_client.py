"""The doctor's checks of this machine: kubectl, and the SDK under the Python somebody names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dashboard.doctor import client, commands
from dashboard.doctor.shapes import Status
from sandboxes.cluster import Right

TRACING = {"opentelemetry-exporter-otlp": "1.41.1", "opentelemetry-instrumentation-requests": "0.62b1"}
BOOTSTRAPPED = {client.BOOTSTRAPPED: "0.62b1", client.LOGGING: "0.62b1"}


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
    extras = {"tracing": there.keys() >= TRACING.keys(), "grpc": "grpcio" in there, "async": False}
    found = {"python": "3.12", "there": there, "extras": extras if sdk else {}}
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


def test_a_kubectl_that_waits_for_a_cluster_is_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(client, "TIMEOUT_S", 0.1)
    assert client.kubectl().status is Status.OK


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


@pytest.mark.parametrize(
    ("versions", "extras"),
    [
        ({"protobuf": "6.33.1", "opentelemetry-sdk": "1.41.1"}, {"tracing": True, "grpc": False}),
        ({"protobuf": "7.36.1", "opentelemetry-sdk": "1.45.2"}, {"tracing": False, "grpc": True}),
        ({}, {"tracing": False, "grpc": False}),
    ],
)
def test_an_extra_is_there_when_its_packages_are_in_the_versions_it_needs(
    tmp_path: Path, versions: dict[str, str], extras: dict[str, bool]
) -> None:
    needs = ['protobuf>=7.36.1; extra == "grpc"', "opentelemetry_sdk<1.42,>=1.39; extra == 'tracing'", "requests"]
    for name, version in {client.SDK: "1.0.8", **versions}.items():
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = [f"Requires-Dist: {need}" for need in needs] if name == client.SDK else []
        (folder / "METADATA").write_text(
            "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
        )
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:] = [{str(tmp_path)!r}, *sys.path]\n{client.LOOK}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed)["extras"] == extras


def test_without_a_name_our_own_python_is_no_trouble() -> None:
    assert client.sdk().status in (Status.OK, Status.NOT_APPLICABLE)


def test_rights_are_granted_by_a_manifest_whatever_the_accounts_name_is() -> None:
    rights = [Right("get", "pods"), Right("list", "pods"), Right("create", "pods", subresource="portforward")]
    first, *lines, last = commands.grant("role", 'jane: "}\nEND', rights).splitlines()
    assert (first, last) == ("kubectl apply -f - <<'END'", "END")
    role, binding = yaml.safe_load_all("\n".join(lines))
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create"]},
    ]
    assert binding["subjects"][0]["name"] == 'jane: "}\nEND'
    assert "END" not in lines


def test_programs_are_installed_as_the_system_has_it() -> None:
    assert commands.install_kubectl("Darwin", "arm64") == "brew install kubectl"
    assert "linux/arm64" in commands.install_kubectl("Linux", "aarch64")
    assert "lsof" in commands.who_listens(4318, "Darwin")
