"""`manage.py observe`: with what a program is started, and how its end and its signals are passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from collector.ingest import save_now
from dashboard.observe.environment import outside, service_name, started_with
from dashboard.observe.made import made_by, marks, wait_for
from dashboard.observe.running import run
from sandboxes.models import Claim
from tests.factories import batch, make_log, make_point, make_resource, make_span, trace_id
from tests.sandboxes.loading import link, load
from tests.server import ROOT
from tests.server import wait_for as wait_until

BARE = {"PATH": os.environ["PATH"], "HOME": "/home/somebody"}


def program(folder: Path, *names: str) -> Path:
    """A folder with programs of these names in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def test_it_sends_here_and_says_whose_it_is(settings: Settings, tmp_path: Path) -> None:
    settings.OTLP_HTTP_PORT, settings.OTLP_API_KEY = 14318, ["first", "second"]
    start = started_with(["python", "main.py"], {"PATH": str(program(tmp_path, "python"))}, "run-1")
    assert start.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:14318"
    assert start.environment["OTEL_EXPORTER_OTLP_HEADERS"] == "x-otlp-api-key=first"
    assert start.environment["OTEL_SERVICE_NAME"] == "main"
    assert start.environment["OTEL_RESOURCE_ATTRIBUTES"] == "observe.run.id=run-1"
    assert (start.command, start.instrumented, start.elsewhere) == (["python", "main.py"], False, "")


def test_what_the_user_has_set_stays() -> None:
    given = {
        "OTEL_SERVICE_NAME": "mine",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere:4318",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_RESOURCE_ATTRIBUTES": "team=a,service.version=2",
    }
    start = started_with(["python", "main.py"], BARE | given, "run-1")
    assert start.environment | given == start.environment | {
        "OTEL_RESOURCE_ATTRIBUTES": given["OTEL_RESOURCE_ATTRIBUTES"]
    }
    assert start.environment["OTEL_RESOURCE_ATTRIBUTES"] == "team=a,service.version=2,observe.run.id=run-1"
    assert start.elsewhere == "http://elsewhere:4318"


def test_a_service_named_among_the_attributes_keeps_its_name() -> None:
    given = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=mine"}
    assert "OTEL_SERVICE_NAME" not in started_with(["python", "main.py"], BARE | given, "run-1").environment


def test_an_endpoint_of_one_signal_is_noticed_too() -> None:
    given = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere/v1/traces"}
    assert started_with(["python", "main.py"], BARE | given, "run-1").elsewhere == "http://elsewhere/v1/traces"


def test_the_instrumentation_beside_the_programs_python_is_taken_before_that_on_path(tmp_path: Path) -> None:
    venv = program(tmp_path / "venv" / "bin", "python", "opentelemetry-instrument")
    other = program(tmp_path / "other", "opentelemetry-instrument", "node")
    path = {"PATH": str(other)}
    start = started_with([str(venv / "python"), "main.py"], path, "run-1")
    assert start.command == [str(venv / "opentelemetry-instrument"), str(venv / "python"), "main.py"]
    assert start.instrumented
    assert started_with(["node", "main.js"], path, "run-1").command[0] == str(other / "opentelemetry-instrument")
    already = [str(venv / "opentelemetry-instrument"), "python", "main.py"]
    assert started_with(already, path, "run-1").command == already


@pytest.mark.parametrize(
    ("exporters", "protocol"), [((), "http/protobuf"), (("grpc",), "grpc"), (("grpc", "http"), "http/protobuf")]
)
def test_it_speaks_what_the_exporter_beside_it_can(tmp_path: Path, exporters: tuple[str, ...], protocol: str) -> None:
    folder = program(tmp_path / "bin", "python", "opentelemetry-instrument")
    for name in exporters:
        proto = tmp_path / "lib" / "python3.11" / "site-packages" / "opentelemetry" / "exporter" / "otlp" / "proto"
        (proto / name).mkdir(parents=True)
    start = started_with([str(folder / "python"), "main.py"], {"PATH": ""}, "run-1")
    assert start.environment["OTEL_EXPORTER_OTLP_PROTOCOL"] == protocol


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python", "main.py"], "main"),
        (["/usr/bin/python3.11", "-u", "tools/agent.py", "--verbose"], "agent"),
        (["python", "-m", "agent.cli"], "agent"),
        (["python", "-c", "print(1)"], "python"),
        (["python"], "python"),
        (["./bench.py"], "bench"),
        (["uvicorn", "app:app"], "uvicorn"),
    ],
)
def test_a_service_has_the_name_of_its_script(command: list[str], name: str) -> None:
    assert service_name(command) == name


def test_what_django_sets_does_not_reach_the_program(settings: Settings) -> None:
    settings.STARTED_IN_TZ = "Europe/Rome"
    found = outside({"TZ": "UTC", "DJANGO_SETTINGS_MODULE": "dashboard.settings", "A": "b"})
    assert found == {"TZ": "Europe/Rome", "A": "b"}
    settings.STARTED_IN_TZ = ""
    assert outside({"TZ": "UTC", "DJANGO_SETTINGS_MODULE": "mine"}) == {"DJANGO_SETTINGS_MODULE": "mine"}


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_the_programs_exit_status_is_passed_on(script: str, status: int) -> None:
    assert run(["/bin/sh", "-c", script], BARE) == status


CHILD = 'trap \'echo got > "$0"; exit 5\' TERM; echo > "$0.ready"; while :; do sleep 0.05; done'
PARENT = "import sys; from dashboard.observe.running import run; sys.exit(run(sys.argv[1:], {'PATH': '/usr/bin:/bin'}))"


def test_signals_are_passed_on(tmp_path: Path) -> None:
    told = tmp_path / "told"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, "/bin/sh", "-c", CHILD, str(told)], cwd=ROOT)
    try:
        wait_until(lambda: (tmp_path / "told.ready").exists(), 60)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(60) == 5
    finally:
        parent.kill()
    assert told.read_text() == "got\n"


@pytest.mark.django_db
def test_what_a_program_made_is_found_by_its_run() -> None:
    claim = next(iter(load("quickstart-cold").values()))
    save_now(batch(make_span(resource=make_resource("shop", observe_run_id="earlier"))))
    since = marks()
    mine, others = make_resource("shop", observe_run_id="run-1"), make_resource("shop", observe_run_id="run-2")
    made = make_span(trace=trace_id(1), resource=mine)
    save_now(batch(made, make_log(resource=mine), make_point(1, resource=mine), make_span(resource=others)))
    link(claim, trace_id(1), made.span_id)
    link(Claim.objects.exclude(pk=claim.pk).first() or claim, trace_id(1), "ab" * 8, certainty="ambiguous")
    found = made_by("run-1", since)
    assert (found.spans, found.logs, found.points) == (1, 1, 1)
    assert [trace.trace_id for trace in found.traces] == [trace_id(1)]
    assert [each.uid for each in found.claims] == [claim.uid]
    assert made_by("run-3", since).traces == []


@pytest.mark.django_db
def test_late_telemetry_is_waited_for_until_nothing_more_comes() -> None:
    since, mine = marks(), make_resource("shop", observe_run_id="run-1")
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) in (3, 6):
            save_now(batch(make_span(resource=mine)))

    assert wait_for("run-1", since, 60, sleep).spans == 2
    assert sum(sleeps) < 5
    sleeps.clear()
    assert wait_for("nobody", since, 2, lambda seconds: sleeps.append(seconds)).spans == 0
    assert sum(sleeps) == 2


def test_it_asks_what_to_run() -> None:
    with pytest.raises(CommandError, match="Say what to run"):
        call_command("observe", "--")
