"""`manage.py doctor`, and the same checks remembered for the page."""

from __future__ import annotations

import io
import json

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from pytest_django.fixtures import Settings

from dashboard.doctor import Check, Status, cluster, examination, examine, looking, own
from tests.server import free_ports

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_around(settings: Settings) -> None:
    settings.DASHBOARD_CLUSTER = "off"
    settings.DASHBOARD_PORT, settings.OTLP_HTTP_PORT, settings.OTLP_GRPC_PORT = free_ports()


def doctor(*arguments: str) -> tuple[str, int]:
    """What it prints, and how it exits."""
    output = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=output)
    except SystemExit as exit:
        return output.getvalue(), int(exit.code or 0)
    return output.getvalue(), 0


def fail(monkeypatch: pytest.MonkeyPatch) -> None:
    check = Check("disk", "Disk", "free space", Status.FAILED, "it is full", "Free some.", ("df -h .",))
    monkeypatch.setattr(own, "disk", lambda: check)


def test_it_tells_every_check_and_counts_them() -> None:
    text, status = doctor()
    for name in ("Cluster:", "Router:", "kubectl:", "SDK:", "Telemetry arriving:", "Database: answers"):
        assert name in text
    assert "19 checks in" in text
    assert status == 0


def test_a_check_that_fails_is_the_exit_status_and_comes_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch)
    text, status = doctor()
    assert status == 1
    assert "FAILED   Disk: it is full" in text
    assert "Free some.\n           df -h ." in text


def test_as_json_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch)
    text, status = doctor("--json")
    found = json.loads(text)
    assert status == 1
    assert found["failed"]
    assert found["at_ns"].isdecimal()
    (disk,) = [check for check in found["checks"] if check["key"] == "disk"]
    assert (disk["status"], disk["fix"], disk["commands"]) == ("failed", "Free some.", ["df -h ."])


def test_every_check_has_a_key_of_its_own() -> None:
    keys = [check.key for check in async_to_sync(examine)().checks]
    assert len(keys) == len(set(keys))


def test_a_cluster_that_is_odd_costs_no_other_check(monkeypatch: pytest.MonkeyPatch) -> None:
    async def raise_something(stored: object) -> list[Check]:
        raise RuntimeError("odd")

    monkeypatch.setattr(cluster, "look", raise_something)
    found = {check.key: check for check in async_to_sync(examine)().checks}
    assert found["cluster"].status is Status.FAILED
    assert found["database"].status is Status.OK


def test_what_was_found_is_remembered_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_last", None)
    first = examination()
    assert examination() is first
    assert examination(at_most_s=0) is not first
