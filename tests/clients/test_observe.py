"""`manage.py observe` with a real program, a real server, and OpenTelemetry's own instrumentation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.test_instrumented import INSTRUMENTED, PROGRAM
from tests.required import refuse
from tests.server import OURS, ROOT, Server, free_ports

pytestmark = [pytest.mark.server, pytest.mark.one_database, pytest.mark.long]

MANAGE = str(ROOT / "manage.py")


def observe(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, MANAGE, "observe", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )


def python() -> str:
    """A Python with opentelemetry-instrument beside it."""
    if not (INSTRUMENTED / "opentelemetry-instrument").exists():
        refuse("no opentelemetry-instrument: run `make test`, which installs it")
    return str(INSTRUMENTED / "python")


def test_a_programs_telemetry_arrives_and_is_linked_to(server: Server) -> None:
    page = f"{server.pages_url}/healthz"
    ended = observe(server.environment, "--json", "--wait", "60", "--", python(), str(PROGRAM), page)
    assert ended.returncode == 0, ended.stderr
    made = json.loads(ended.stdout.splitlines()[-1])
    assert (made["exit_status"], made["server"], made["spans"], made["logs"]) == (0, True, 1, 1)
    [trace] = made["traces"]
    assert (trace["operation"], trace["url"]) == ("GET", f"{server.pages_url}/traces/{trace['trace_id']}/")
    assert server.find_trace(trace["trace_id"])
    [span] = server.csv("spans", trace_id=trace["trace_id"])
    assert span["service"] == "program"


def test_it_says_in_words_what_came_and_keeps_the_variables_of_the_user(server: Server) -> None:
    environment = server.environment | {"OTEL_SERVICE_NAME": "named by its user"}
    ended = observe(environment, "--wait", "60", "--", python(), str(PROGRAM), f"{server.pages_url}/healthz")
    assert ended.returncode == 0, ended.stderr
    assert "From named by its user came 1 span, 1 log record" in ended.stderr
    assert f"{server.pages_url}/traces/" in ended.stderr
    assert ended.stdout == ""


def test_the_exit_status_is_the_programs(server: Server) -> None:
    script = (
        "from os import environ; print(environ.get('TZ'), 'DJANGO_SETTINGS_MODULE' in environ); raise SystemExit(7)"
    )
    ended = observe(server.environment, "--wait", "0", "--", sys.executable, "-c", script)
    assert ended.returncode == 7, ended.stderr
    assert ended.stdout.split() == [str(os.environ.get("TZ")), "False"]
    assert "Nothing arrived" in ended.stderr


def test_a_program_that_is_not_there_is_named(server: Server) -> None:
    ended = observe(server.environment, "--", "no-such-program")
    assert ended.returncode == 127
    assert "no-such-program: No such file or directory" in ended.stderr


def test_without_a_server_it_says_so_and_runs_the_program_as_it_is(tmp_path: Path) -> None:
    pages, http, grpc = free_ports()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = inherited | {
        "DASHBOARD_DATA_DIR": str(tmp_path),
        "DASHBOARD_PORT": str(pages),
        "OTLP_HTTP_PORT": str(http),
        "OTLP_GRPC_PORT": str(grpc),
    }
    script = "import os; print([name for name in os.environ if name.startswith('OTEL_')]); raise SystemExit(3)"
    ended = observe(environment, "--json", "--", sys.executable, "-c", script)
    assert ended.returncode == 3
    assert ended.stdout.splitlines() == ["[]", '{"exit_status":3,"server":false}']
    assert f"No dashboard answers at http://127.0.0.1:{pages}/" in ended.stderr
