"""`manage.py run_sandboxes --pool NAME --count N`: a run of test sandboxes on the command line, for people and for CI.

The same engine as the pages', in this process; the run is recorded, and its page shows it, in the same way.
"""

from __future__ import annotations

import getpass
import signal
import sys
from dataclasses import asdict
from typing import Any

import orjson
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from collector.ingest import Unavailable
from dashboard.addresses import pages_url
from dashboard.management.commands.run_worker import new_worker
from dashboard.runs.form import RunForm
from dashboard.templatetags.runs import at
from sandboxes.models import Run
from sandboxes.plans import Plan
from sandboxes.runs import outcome, recording
from sandboxes.runs.outcome import Measure
from sandboxes.runs.recording import RunState, Sandbox, SandboxState

BAR_CHARS = 30
ENDED = (SandboxState.DELETED, SandboxState.KEPT, SandboxState.FAILED, SandboxState.CANCELLED)
FAILED, SLOW, WRONG = 1, 3, 2  # exit statuses
OPTIONS = {"commands": "command", "environment": "env", "rate_per_s": "rate"}  # by the form's field, where names differ


class Command(BaseCommand):
    help = (
        "Claims, uses and deletes test sandboxes. Exit status: 0, all of them were ready and ran; 1, some failed;"
        " 3, slower than --max-p95-ms; 2, wrong options or no cluster."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pool", required=True, help="the warm pool to claim from")
        parser.add_argument("--namespace", default="default", help="of the pool and of the claims (%(default)s)")
        parser.add_argument("--count", default="1", help="how many sandboxes (%(default)s)")
        parser.add_argument("--concurrency", default="10", help="how many at a time (%(default)s)")
        parser.add_argument("--rate", default="", metavar="PER_S", help="how many to start a second, in place of that")
        parser.add_argument("--ramp", default="0", metavar="S", help="seconds until that pace is reached (%(default)s)")
        parser.add_argument("--command", action="append", default=[], help="run in each; {i} is its number; repeatable")
        parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="forces cold starts")
        parser.add_argument("--ready-timeout", default="180", metavar="S", help="given to become ready (%(default)s)")
        parser.add_argument("--command-timeout", default="60", metavar="S", help="given to each command (%(default)s)")
        parser.add_argument(
            "--time-to-live", default="600", metavar="S", help="then the cluster deletes it (%(default)s)"
        )
        parser.add_argument("--keep", action="store_true", help="leave them until their time to live is over")
        parser.add_argument("--label", default="", help="a label of every claim")
        parser.add_argument("--url", default="", help="of the router; without it a kubectl tunnel is opened")
        parser.add_argument("--max-p95-ms", type=float, help="exit with 3 when the time to ready is slower than that")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        plan = _plan(options)
        call_command("migrate", verbosity=0, interactive=False)
        worker = new_worker()
        show = not options["json"] and sys.stderr.isatty()
        if show:
            worker.tell = self._show
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: worker.stop())
        try:
            run_id = recording.ask(plan, f"{getpass.getuser()}, command line", queued=False)
            state = worker.execute(run_id)
        except Unavailable as error:
            raise CommandError(str(error), returncode=WRONG) from error
        if show:
            self.stderr.write("")
        run = Run.objects.get(uid=run_id)
        if state == RunState.FAILED:
            raise CommandError(f"The run could not begin: {run.problem}", returncode=WRONG)
        self._report(run, options["json"])
        if status := _status(run, options["max_p95_ms"]):
            sys.exit(status)

    def _show(self, sandboxes: list[Sandbox]) -> None:
        done = sum(sandbox.state in ENDED for sandbox in sandboxes)
        failed = sum(sandbox.error_type != "" for sandbox in sandboxes)
        busy = sum(sandbox.state not in (*ENDED, SandboxState.WAITING) for sandbox in sandboxes)
        filled = BAR_CHARS * done // len(sandboxes)
        bar = "█" * filled + "·" * (BAR_CHARS - filled)
        self.stderr.write(f"\r{bar} {done} of {len(sandboxes)}, {busy} in flight, {failed} failed ", ending="")
        self.stderr.flush()

    def _report(self, run: Run, as_json: bool) -> None:
        sandboxes = outcome.sandboxes_of(run.uid)
        totals, measures = outcome.totals_of(run), outcome.measures(outcome.samples(sandboxes))
        failures = outcome.failures(sandboxes)
        if as_json:
            found = {
                "run": run.uid,
                "state": run.state,
                "totals": asdict(totals),
                "stages": [asdict(measure) for measure in measures],
                "failures": [asdict(failure) for failure in failures],
            }
            self.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
            return
        self.stdout.write(
            f"{totals.ready} of {totals.requested} were ready, {totals.failed} failed,"
            f" {totals.cold} cold and {totals.warm} warm: {run.state}"
        )
        self.stdout.write(f"{'':16}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}")
        for measure in measures:
            self.stdout.write(_line(measure))
        for failure in failures:
            self.stdout.write(f"{failure.count} x {failure.error_type}: {failure.sentence}")
        self.stdout.write(f"{pages_url()}runs/{run.uid}/")


def _line(measure: Measure) -> str:
    return f"{measure.name:16}" + "".join(f"{at(measure.all, name):>10}" for name in ("p50", "p95", "p99", "max"))


def _plan(options: dict[str, Any]) -> Plan:
    form = RunForm(
        {
            "pool": options["pool"],
            "namespace": options["namespace"],
            "count": options["count"],
            "pace": "rate" if options["rate"] else "concurrency",
            "concurrency": options["concurrency"],
            "rate_per_s": options["rate"],
            "ramp_s": options["ramp"],
            "commands": "\n".join(options["command"]),
            "environment": "\n".join(options["env"]),
            "ready_timeout_s": options["ready_timeout"],
            "command_timeout_s": options["command_timeout"],
            "time_to_live_s": options["time_to_live"],
            "keep": options["keep"],
            "label": options["label"],
            "way": "direct" if options["url"] else "tunnel",
            "url": options["url"],
        }
    )
    if not form.is_valid():
        lines = [f"{_option(field)}: {' '.join(map(str, messages))}" for field, messages in form.errors.items()]
        raise CommandError("\n".join(lines), returncode=WRONG)
    return form.plan()


def _option(field: str) -> str:
    """What a field of the form is called on the command line."""
    return f"--{OPTIONS.get(field, field.removesuffix('_s').replace('_', '-'))}"


def _status(run: Run, max_p95_ms: float | None) -> int:
    totals = outcome.totals_of(run)
    if totals.failed or totals.cancelled or totals.ready < totals.requested:
        return FAILED
    waited = totals.time_to_ready
    if max_p95_ms is not None and (waited is None or waited.p95_ns > max_p95_ms * 1e6):
        return SLOW
    return 0
