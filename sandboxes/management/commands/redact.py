"""`manage.py redact`: masks what is stored already with today's REDACT_* settings, beside a running server or without.

Before: redaction was switched on, or changed. After: every row is as if it had come under these rules, and of what is
masked nothing is left in the database's file; where something may be, it says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from collector.ingest import Unavailable, ingest
from collector.retention.running import alone
from collector.rewriting import Rewriting, Rewritten, Vanished
from collector.rewriting.leftovers import Cleared, Pause, clear_pages, overwrite
from collector.rewriting.noted import note_masked
from collector.sql import is_sqlite
from sandboxes.rewriting.runs import runs_that_go_on

OFF = 2
ATTEMPTS = 5  # a busy server may hold the database for longer than a statement waits
WAIT_S = 1.0
PROGRESS_S = 1.0
RESTART = "Start every process that writes anew with the same REDACT_* settings, and run this again."
ELSEWHERE = "Copies of the database, and what the disk keeps of deleted files, are as they were."


class Command(BaseCommand):
    """Tells how far it is on standard error; what was done, and what is left, on standard output."""

    help = (
        "Masks what is stored already with the REDACT_* settings, as if it had come under them. Safe while the server"
        " runs; stopped, it goes on when it is run again."
    )
    requires_system_checks = []  # they read every page first, and no page is needed here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count what would change, by kind")
        parser.add_argument(
            "--vacuum",
            action="store_true",
            help="SQLite: write the whole file anew also while others write, who wait for it; alone it is done anyway",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.REDACTION is None:
            raise CommandError(
                "Redaction is off: nothing says what is to be masked. Set REDACT_BUILTIN, REDACT_PATTERNS or"
                " REDACT_KEYS as for the server, such as REDACT_BUILTIN=secrets manage.py redact.",
                returncode=OFF,
            )
        self._check_database()
        self._pause = Pause()
        pass_ = Rewriting(patient, self._pause, Progress(self.stderr.write))
        try:
            if options["dry_run"]:
                pass_.count()
                self.stdout.write(f"Would be masked: {said(pass_.done)}.")
            else:
                self._alone(pass_, hold_up=options["vacuum"])
        except (Unavailable, Vanished) as error:
            why = error if isinstance(error, Unavailable) else "old telemetry is being deleted just now"
            raise CommandError(f"{why}. {self._so_far(pass_)}") from error
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {self._so_far(pass_)}", returncode=130) from None

    def _check_database(self) -> None:
        try:
            executor = MigrationExecutor(connection)
            pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}", returncode=OFF) from error
        if pending:
            raise CommandError(
                "The database is not of this version: start manage.py up, or run manage.py migrate.", returncode=OFF
            )

    def _alone(self, one: Rewriting, *, hold_up: bool) -> None:
        """Waits until no other process deletes old rows: they would be taken away under our hands."""
        waiting, told = threading.Event(), False
        while True:
            with alone() as we_are:
                if we_are:
                    return self._rewrite(one, hold_up=hold_up)
            if not told:
                told = True
                self.stderr.write("Another process is deleting old telemetry; waiting for it.")
            waiting.wait(WAIT_S)

    def _rewrite(self, one: Rewriting, *, hold_up: bool) -> None:
        overwrite()
        one.rewrite()
        self.stdout.write(f"Masked: {said(one.done)}.")
        self._say_merged(one)
        held = one.pace.holds()
        if held.batches:
            p50, p99, longest = (f"{(ns or 0) / 1e6:.0f} ms" for ns in (held.p50_ns, held.p99_ns, held.max_ns))
            self.stdout.write(f"A batch held the writer for {p50} (p99 {p99}, the longest {longest}).")
        if one.left:
            raise CommandError(
                f"{one.left:,} rows are still as they were: somebody who masks nothing, or other things, has come to"
                f" use them meanwhile. {RESTART}"
            )
        patient(note_masked)
        if going_on := runs_that_go_on():
            self.stdout.write(f"{going_on:,} runs go on: their plans stay until they are over. Run this again then.")
        self._say_cleared(clear_pages(self._pause, hold_up=hold_up))

    def _say_merged(self, one: Rewriting) -> None:
        names = {table.partition("_")[2]: number for table, number in one.merged.items()}
        if names:
            words = ", ".join(f"{number:,} of {name}" for name, number in names.items())
            self.stdout.write(f"The same as others once masked, and now one with them: {words}.")

    def _say_cleared(self, cleared: Cleared) -> None:
        if not is_sqlite():
            self.stdout.write(
                "PostgreSQL has been told to use the room again (VACUUM). Until then, pages hold what rows had there;"
                " VACUUM FULL writes them anew and locks each table meanwhile. Its own log keeps older pages until it"
                f" is recycled. {ELSEWHERE}"
            )
            return
        if cleared.whole:
            self.stdout.write(f"The file was written anew: nothing else is left in it. {ELSEWHERE}")
        elif cleared.problem:
            self.stderr.write(
                f"The file could not be written anew: {cleared.problem}. Its rows are masked; gaps within its pages may"
                " hold what was there before. It needs twice its size free on the disk; run this again."
            )
        else:
            self.stdout.write(
                "Others have the file open: its rows are masked, but gaps within its pages may hold what was there"
                " before. Stop the dashboard and run this again; or run it with --vacuum, and whoever writes waits"
                f" meanwhile. {ELSEWHERE}"
            )
        if not cleared.log:
            self.stderr.write(
                "Somebody reads for a long time, an export say: until then the log of writes (-wal) keeps older pages."
                " Run this again later."
            )

    def _so_far(self, one: Rewriting) -> str:
        return f"Masked until then, and it stays: {said(one.done)}. Run it again: it goes on with the rest."


class Progress:
    """Says now and then how far it is."""

    def __init__(self, write: Callable[[str], Any]) -> None:
        self._write = write
        self._said = time.monotonic()

    def __call__(self, name: str, done: Rewritten) -> None:
        if time.monotonic() - self._said >= PROGRESS_S:
            self._said = time.monotonic()
            of = f" of {done.rows:,}" if done.rows else ""
            self._write(f"{name}: {done.looked:,}{of}, {done.changed:,} changed")


def said(done: dict[str, Rewritten]) -> str:
    """What was changed, by kind, of how many."""
    words = [
        f"{each.changed:,} of {each.rows:,} {name}" if each.rows else f"{each.changed:,} {name}"
        for name, each in done.items()
        if each.changed
    ]
    return ", ".join(words) or "nothing: no row holds anything that is to be masked"


def patient(work: Callable[[Any], Any], items: int = 1) -> Any:
    """Writes in a transaction; tries again while the database is busy. Raises Unavailable."""
    for _ in range(ATTEMPTS - 1):
        try:
            return ingest.run_from_thread(work, items)
        except Unavailable:
            time.sleep(WAIT_S)
    return ingest.run_from_thread(work, items)
