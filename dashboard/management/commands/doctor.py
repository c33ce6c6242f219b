"""`manage.py doctor`: is everything in place? The checks of the page Setup, each with its fix."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandParser

from dashboard.doctor import Check, Examination, Status, examine

WIDTH = 100
SHOWN = {Status.OK: "ok", Status.WARNING: "warning", Status.FAILED: "FAILED", Status.NOT_APPLICABLE: "-"}


class Command(BaseCommand):
    """Exits with 1 when a check fails: a warning is no failure, and what does not apply is neither."""

    help = (
        "Looks at the cluster, Agent Sandbox, this machine and the dashboard, and says how to put right what is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the checks as JSON")
        parser.add_argument("--python", default="", metavar="PATH", help="the Python your program runs with")

    def handle(self, *args: Any, **options: Any) -> None:
        found = async_to_sync(examine)(options["python"])
        try:
            if options["json"]:
                self.stdout.write(json.dumps(_as_json(found), indent=2))
            else:
                self._tell(found)
            self.stdout.flush()
        except BrokenPipeError:  # `| head` has seen enough; nothing more can be said to it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if found.failed:
            sys.exit(1)

    def _tell(self, found: Examination) -> None:
        for check in found.checks:
            self._tell_check(check)
        words = [f"{number} {name}" for name, number in found.tally]
        self.stdout.write(f"\n{len(found.checks)} checks in {found.took_ns / 10**9:.1f} s: {', '.join(words)}")

    def _tell_check(self, check: Check) -> None:
        colour = {Status.OK: self.style.SUCCESS, Status.WARNING: self.style.WARNING, Status.FAILED: self.style.ERROR}
        paint = colour.get(check.status, str)
        text = textwrap.fill(f"{check.name}: {check.found}", WIDTH, subsequent_indent=" " * 9)
        self.stdout.write(f"{paint(f'{SHOWN[check.status]:<8}')} {text}")
        if check.fix and check.status is not Status.OK:
            self.stdout.write(textwrap.fill(check.fix, WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9))
            for command in check.commands:
                self.stdout.write(textwrap.indent(command, " " * 11))


def _as_json(found: Examination) -> dict[str, Any]:
    """Times as decimal strings, as everywhere."""
    return {
        "failed": found.failed,
        "at_ns": str(found.at_ns),
        "took_ms": found.took_ns / 10**6,
        "counts": dict(found.counts),
        "checks": [check.as_json() for check in found.checks],
    }
