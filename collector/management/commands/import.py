"""`manage.py import FILE...`: what files hold, into the database.

Before: somebody ran a program with its exporters set to `console`, or kept OTLP bodies. After: the pages show it as if
it had been received; a running server notices by itself.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from collector import importing
from collector.console import Problem
from collector.importing import Account, import_stream
from collector.ingest import Unavailable, ingest, save_now
from collector.rewriting import note_rules
from collector.zone import local_zone, named_zone

UNREADABLE = 1
NOTHING = 2
MAX_SHOWN_NOTES = 10  # lines of a file that are readable, but no telemetry
COUNTS = ("spans", "points", "logs", "objects", "skipped")


class Command(BaseCommand):
    """Tells on standard error what was left out; the last line of standard output is the account."""

    help = (
        "Imports files: text printed by OpenTelemetry's console exporters, mixed with log lines or not; OTLP as JSON,"
        " JSON lines or protobuf; what `kubectl get sandboxclaims,sandboxes,pods,events -A -o json` prints, and"
        " recorded watch streams; each also gzipped. `-` is standard input. Importing a file again changes nothing."
    )

    requires_system_checks = []  # they read every page first, and no page is needed here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
        parser.add_argument(
            "--tz",
            metavar="ZONE",
            help="the zone of log lines that name none, like Europe/Berlin or --tz=-05:00;"
            " found out from the spans beside them when left out",
        )
        parser.add_argument("--json", action="store_true", help="print the account as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            zone = named_zone(options["tz"]) if options["tz"] else None
        except ValueError as error:
            raise CommandError(f"--tz: {error}.", returncode=NOTHING) from error
        _prepare_database()
        with suppress(Unavailable):  # busy: the import itself says so
            ingest.run_from_thread(note_rules)
        accounts: list[Account] = []
        for name in options["files"]:
            try:
                account = self._import_file(name, zone)
            except KeyboardInterrupt:
                raise CommandError("Interrupted. What was stored until then stays.", returncode=130) from None
            accounts.append(account)
            self._tell_left_out(account)
        self._follow_up()
        self._tell_account(accounts, as_json=options["json"])
        self._exit_by(accounts)

    def _follow_up(self) -> None:
        try:
            for follow_up in importing.after_files:
                follow_up()
        except Unavailable as error:  # what was imported is safe, and a server or the next import comes to it
            self.stderr.write(f"{error}: not all of it is joined with its claims yet.")

    def _import_file(self, name: str, zone: Any) -> Account:
        shown = "<stdin>" if name == "-" else name
        if name == "-" and sys.stdin.isatty():
            self.stderr.write("Reading from the terminal: paste the text, then press Ctrl-D.", plain)
        try:
            if name == "-":
                return self._import_stream(sys.stdin.buffer, shown, zone)
            with open(name, "rb", buffering=0) as file:
                return self._import_stream(file, shown, zone)
        except OSError as error:
            account = Account(shown)
            account.leave_out(Problem(0, f"cannot be read: {error.strerror or error}"))
            return account

    def _import_stream(self, stream: BinaryIO, name: str, zone: Any) -> Account:
        local = local_zone(settings.STARTED_IN_TZ)
        try:
            return import_stream(stream, name, save_now, zone=zone, local_zone=local, progress=self._tell_progress)
        except Unavailable as error:
            raise CommandError(
                f"{error}. What was stored until then stays; import the file again to get the rest.",
                returncode=UNREADABLE,
            ) from error
        finally:
            if self.stderr.isatty():
                self.stderr.write("\r\x1b[K", plain, ending="")

    def _tell_progress(self, account: Account) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{account.name}: {account.held:,} items", plain, ending="")
            self.stderr.flush()

    def _tell_left_out(self, account: Account) -> None:
        notes = 0
        for problem in account.problems:
            notes += not problem.unreadable
            if problem.unreadable or notes <= MAX_SHOWN_NOTES:
                self.stderr.write(_told(account.name, problem), None if problem.unreadable else plain)
        more = account.problems_left_out + max(0, notes - MAX_SHOWN_NOTES)
        if more:
            self.stderr.write(f"{account.name}: and {more} more places that were left out", plain)

    def _tell_account(self, accounts: list[Account], *, as_json: bool) -> None:
        total = {count: sum(getattr(account, count) for account in accounts) for count in COUNTS}
        if as_json:
            self.stdout.write(json.dumps({"imported": total, "files": [account.as_json() for account in accounts]}))
            return
        held, new = sum(account.held for account in accounts), sum(account.new for account in accounts)
        if held > new:
            self.stdout.write(f"{held - new} of the {held} items were there already.")
        self.stdout.write("imported: " + ", ".join(f"{number} {count}" for count, number in total.items()))

    def _exit_by(self, accounts: list[Account]) -> None:
        if not any(account.held for account in accounts):
            if all(account.unreadable for account in accounts):
                self.stderr.write("Nothing was imported: nothing could be read.")
            else:
                words = "no console output of OpenTelemetry, no OTLP and no claims are in it."
                self.stderr.write(f"Nothing to import: {words}")
            sys.exit(NOTHING)
        if any(account.unreadable for account in accounts):
            sys.exit(UNREADABLE)


def plain(text: str) -> str:
    """Without colour: standard error is red otherwise, and not all that is told there is an error."""
    return text


def _prepare_database() -> None:
    """A new database gets its tables; one of an older version is left to the person whose data it is."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if executor.loader.applied_migrations:
        raise CommandError("The database is of another version: run manage.py migrate first.", returncode=NOTHING)
    call_command("migrate", verbosity=0, interactive=False)


def _told(name: str, problem: Problem) -> str:
    place = f"{name}:{problem.line}" if problem.line else name
    if problem.last_line > problem.line:
        place += f"-{problem.last_line}"
    return f"{place}: {problem.reason}"
