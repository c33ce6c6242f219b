"""The form of a run: what it takes, what it refuses and with which words, and where commands may be sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from dashboard.runs.form import RunForm, initial, is_allowed
from sandboxes.plans import Connection, Plan, Way

GIVEN = {
    "pool": "python-pool",
    "namespace": "default",
    "count": "20",
    "pace": "concurrency",
    "concurrency": "5",
    "commands": "echo {i}\n\nls -la",
    "environment": "A=1\nB=x=y",
    "ready_timeout_s": "30",
    "command_timeout_s": "10",
    "time_to_live_s": "300",
    "way": "tunnel",
}


def form(**changes: Any) -> RunForm:
    return RunForm({**GIVEN, **changes})


def test_what_is_filled_in_becomes_a_plan_and_the_plan_fills_it_in_again() -> None:
    filled = form(label="nightly", keep="on")
    assert filled.is_valid(), filled.errors
    plan = filled.plan()
    assert (plan.count, plan.concurrency, plan.rate_per_s, plan.keep) == (20, 5, None, True)
    assert plan.commands == ("echo {i}", "ls -la")
    assert plan.environment == {"A": "1", "B": "x=y"}
    again = RunForm(initial(plan))
    assert again.is_valid(), again.errors
    assert again.plan() == plan


@pytest.mark.parametrize(
    "plan",
    [
        Plan("p", rate_per_s=0.5, ramp_s=3, count=7, concurrency=7),
        Plan("p", connection=Connection(Way.DIRECT, url="http://127.0.0.1:8080")),
        Plan("p", connection=Connection(Way.GATEWAY, gateway="g", gateway_namespace="n")),
        Plan("p", file_path="a.txt", file_content=" two\nlines "),
    ],
)
def test_every_plan_can_be_asked_for_again(plan: Plan) -> None:
    again = RunForm(initial(plan))
    assert again.is_valid(), again.errors
    assert again.plan() == plan


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"pool": ""}, "pool", "required"),
        ({"pool": "Not_A_Name"}, "pool", "Kubernetes name"),
        ({"count": "501"}, "count", "At most 500 (RUNS_MAX_SANDBOXES)"),
        ({"count": "0"}, "count", "greater than or equal to 1"),
        ({"pace": "rate"}, "rate_per_s", "How many a second?"),
        ({"concurrency": ""}, "concurrency", "How many at a time?"),
        ({"environment": "no equals sign"}, "environment", "NAME=value"),
        ({"environment": "1A=x"}, "environment", "NAME=value"),
        ({"label": "not a label"}, "label", "Letters, digits"),
        ({"time_to_live_s": "30"}, "time_to_live_s", "Longer than the ready time-out"),
        ({"way": "direct", "url": "http://203.0.113.5/"}, "url", "RUNS_ALLOWED_URLS"),
        ({"way": "gateway", "gateway": ""}, "gateway", "name of the Gateway"),
        ({"router_namespace": "a/b"}, "router_namespace", "Kubernetes name"),
        ({"commands": "\n".join("x" * 21)}, "commands", "At most 20"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes: dict[str, str], field: str, words: str) -> None:
    wrong = form(**changes)
    assert not wrong.is_valid()
    assert list(wrong.errors) == [field]
    assert words in " ".join(map(str, wrong.errors[field]))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080/x", True),
        ("http://localhost", True),
        ("http://sandbox-router-svc.default.svc.cluster.local:8080", True),
        ("https://router.svc", True),
        ("https://router.example/sandboxes", True),
        ("https://router.example", True),
        ("https://router.example.evil/", False),
        ("https://router.example@evil/", False),
        ("http://user:secret@127.0.0.1/", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("http://2130706433/", False),
        ("ftp://127.0.0.1/", False),
        ("http://127.0.0.1:99999/", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_commands_go_to_this_machine_the_cluster_and_what_was_named(
    url: str, allowed: bool, settings: Settings
) -> None:
    settings.RUNS_ALLOWED_URLS = ["https://router.example"]
    assert is_allowed(url) is allowed


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"count": "0"}, "--count: "),
        ({"time_to_live": "1"}, "--time-to-live: "),
        ({"rate": "-1"}, "--rate: "),
        ({"env": ["=x"]}, "--env: "),
    ],
)
def test_the_command_line_names_what_is_wrong_as_it_was_typed(given: dict[str, Any], option: str) -> None:
    with pytest.raises(CommandError, match=f"^{option}"):
        call_command("run_sandboxes", pool="pool", **given)
