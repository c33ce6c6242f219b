"""`manage.py report`: a run, a claim or a range of time as one HTML file, the same as the pages' button gives."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from dashboard.parameters import OVERVIEW_NAMES, ParameterError, parse, query_of
from dashboard.report.claim import claim_report
from dashboard.report.document import write
from dashboard.report.parts import Report
from dashboard.report.run import run_report
from dashboard.report.span_of_time import range_report
from sandboxes.models import Claim, Run


class Command(BaseCommand):
    """Writes to standard output: `manage.py report run 3 > run-3.html`."""

    help = "Writes a report as one HTML file that needs no network."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("run", "claim", "range"))
        parser.add_argument("which", nargs="?", default="", help="a run's number or id, a claim's name or uid")
        for parameter in sorted(OVERVIEW_NAMES):
            flag = "--" + parameter.replace("_", "-")
            parser.add_argument(flag, dest=f"parameter_{parameter}", metavar="VALUE", default="", help="of a range")

    def handle(self, *args: Any, what: str, which: str, **options: Any) -> None:
        given = {
            key.removeprefix("parameter_"): value for key, value in options.items() if key.startswith("parameter_")
        }
        given = {key: value for key, value in given.items() if value}
        if what == "range" and which:
            raise CommandError(
                f"A range is given by options, as --range 24h or --pool NAME: {which} is none.", returncode=2
            )
        if what != "range" and given:
            raise CommandError(f"--{next(iter(given))} is for the report of a range.", returncode=2)
        if what != "range" and not which:
            raise CommandError(
                f"Which {what}? Give its {'number or id' if what == 'run' else 'name or uid'}.", returncode=2
            )
        made = {"run": _run, "claim": _claim}[what](which) if what != "range" else _range(given)
        sys.stdout.buffer.write(write(made))
        sys.stdout.buffer.flush()


def _run(which: str) -> Report:
    wanted = Q(uid=which) | (Q(pk=int(which)) if which.isascii() and which.isdigit() and len(which) < 18 else Q())
    run = Run.objects.filter(wanted).first()
    if run is None:
        raise CommandError(f"There is no run {which}: `manage.py export runs` lists them.", returncode=1)
    return run_report(run, "")


def _claim(which: str) -> Report:
    found = Claim.objects.filter(Q(uid=which) | Q(name=which)).select_related("cluster").order_by("-zero_ns")[:2]
    if not found:
        raise CommandError(f"There is no claim {which}: `manage.py export claims` lists them.", returncode=1)
    if len(found) > 1:
        raise CommandError(f"Several claims are called {which}: give the uid of one.", returncode=1)
    return claim_report(found[0], "")


def _range(given: dict[str, str]) -> Report:
    try:
        return range_report(parse(query_of(given), OVERVIEW_NAMES, "all"), "")
    except ParameterError as error:
        raise CommandError("\n".join(error.problems.values()), returncode=2) from error
