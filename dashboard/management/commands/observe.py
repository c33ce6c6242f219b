"""`manage.py observe -- python main.py`: runs a program with its telemetry sent here, then says where to look."""

from __future__ import annotations

import argparse
import os
import sys
import urllib.request
from typing import Any, NoReturn
from uuid import uuid4

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from dashboard.addresses import pages_url
from dashboard.observe import running
from dashboard.observe.environment import INSTRUMENT, Start, outside, started_with
from dashboard.observe.made import Made, marks, wait_for
from dashboard.templatetags.formats import duration
from sandboxes.models import Claim
from sandboxes.records import StartType

ANSWER_TIMEOUT_S = 2.0
MAX_SHOWN = 20
NOT_FOUND, NOT_RUN = 127, 126  # as shells have it
INSTALL = "pip install opentelemetry-distro opentelemetry-exporter-otlp && opentelemetry-bootstrap -a install"


class Command(BaseCommand):
    """What is said goes to standard error: standard output is the program's."""

    help = "Runs a program with its telemetry sent here, passes its exit status on, and prints links to what it made."
    requires_system_checks = []  # they read every page first, and no page is needed here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="what it made as one line of JSON on standard output")
        parser.add_argument(
            "--wait", type=float, default=10, metavar="SECONDS", help="for late telemetry, at most (10)"
        )
        parser.add_argument("program", nargs=argparse.REMAINDER, metavar="-- PROGRAM", help="and its arguments")

    def handle(self, *args: Any, **options: Any) -> None:
        command = [*options["program"]]
        if command[:1] == ["--"]:
            del command[0]
        if not command:
            raise CommandError("Say what to run: manage.py observe -- python main.py", returncode=2)
        run_id = uuid4().hex
        if not self._server_answers():
            self._say(f"No dashboard answers at {pages_url()}: the program runs, but nothing of it is kept.")
            self._say("Start one with `make run`.")
            status = self._run(Start(command, outside(os.environ), False, ""))
            self._done(status, options["json"], {"server": False})
        start = started_with(command, os.environ, run_id)
        self._warn(start)
        status, made = self._observe(start, run_id, options["wait"])
        if made is None:
            self._done(status, options["json"], {"server": True, "run_id": run_id})
        if options["json"]:
            self._done(status, True, {"server": True, "run_id": run_id, **as_json(made)})
        self._tell(made, start)
        sys.exit(status)

    def _observe(self, start: Start, run_id: str, wait_s: float) -> tuple[int, Made | None]:
        """Runs the program whatever the database says; what it made, if that can be told."""
        try:
            since = marks()
        except DatabaseError as error:
            self._say(f"What it makes cannot be looked up here, the database cannot be read: {error}")
            return self._run(start), None
        connection.close()  # the program may run for hours
        status = self._run(start)
        try:
            return status, wait_for(run_id, since, wait_s)
        except DatabaseError as error:
            self._say(f"What it made cannot be looked up, the database cannot be read: {error}")
            return status, None

    def _server_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{pages_url()}healthz", timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - ours
                return bool(answer.status == 200)
        except (OSError, ValueError):
            return False

    def _warn(self, start: Start) -> None:
        if not start.instrumented and start.command[0] != INSTRUMENT:
            self._say(
                f"{INSTRUMENT} was found neither beside {start.command[0]} nor on PATH: what the program does not"
                f" instrument itself is not seen. To see more: {INSTALL}"
            )
        if start.elsewhere:
            self._say(f"An endpoint is set: its telemetry goes to {start.elsewhere}.")

    def _run(self, start: Start) -> int:
        try:
            return running.run(start.command, start.environment)
        except OSError as error:
            status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN
            raise CommandError(f"{start.command[0]}: {error.strerror}", returncode=status) from error

    def _done(self, status: int, as_json: bool, found: dict[str, Any]) -> NoReturn:
        if as_json:
            self.stdout.write(orjson.dumps({"exit_status": status, **found}).decode())
        sys.exit(status)

    def _tell(self, made: Made, start: Start) -> None:
        service = start.environment.get("OTEL_SERVICE_NAME", "the program")
        if not made.spans + made.logs + made.points:
            self._say(f"Nothing arrived from {service}. {pages_url()}setup/ says what a program needs.")
            return
        counts = ((made.spans, "span"), (made.logs, "log record"), (made.points, "metric point"))
        self._say(f"From {service} came {', '.join(_many(number, what) for number, what in counts)}.")
        for claim in made.claims[:MAX_SHOWN]:
            self._say(f"  claim  {_claim_words(claim)}  {_claim_url(claim)}")
        for trace in made.traces[:MAX_SHOWN]:
            errors = f", {trace.error_count:,} with errors" if trace.error_count else ""
            words = (
                f"{trace.head_operation.name}, {_many(trace.span_count, 'span')}, {duration(trace.duration_ns)}{errors}"
            )
            self._say(f"  trace  {words}  {pages_url()}traces/{trace.trace_id}/")
        if len(made.traces) > MAX_SHOWN:
            self._say(f"  and {len(made.traces) - MAX_SHOWN:,} more traces: {pages_url()}traces/")

    def _say(self, line: str) -> None:
        self.stderr.write(line, self.style.NOTICE)


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _claim_words(claim: Claim) -> str:
    ready = f"ready in {duration(claim.time_to_ready_ns)}" if claim.time_to_ready_ns is not None else claim.state
    start = "" if claim.start_type == StartType.UNKNOWN else f", {claim.start_type}"
    return f"{claim.namespace}/{claim.name}, {ready}{start}"


def _claim_url(claim: Claim) -> str:
    return f"{pages_url()}claims/{claim.uid}/"


def as_json(made: Made) -> dict[str, Any]:
    """The same for scripts; nanoseconds are decimal texts."""
    return {
        "spans": made.spans,
        "logs": made.logs,
        "points": made.points,
        "claims": [
            {
                "uid": claim.uid,
                "namespace": claim.namespace,
                "claim": claim.name,
                "state": claim.state,
                "url": _claim_url(claim),
            }
            for claim in made.claims
        ],
        "traces": [
            {
                "trace_id": trace.trace_id,
                "operation": trace.head_operation.name,
                "spans": trace.span_count,
                "errors": trace.error_count,
                "duration_ns": str(trace.duration_ns),
                "url": f"{pages_url()}traces/{trace.trace_id}/",
            }
            for trace in made.traces
        ],
    }
