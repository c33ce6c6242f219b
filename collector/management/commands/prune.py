"""`manage.py prune`: deletes what is old or too much now, beside a running server or without one."""

from __future__ import annotations

import re
import threading
import time
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from collector.ingest import Unavailable, ingest
from collector.retention import arrivals, disk, interned, stages
from collector.retention.pace import pace
from collector.retention.passes import Deleted, Limits, Pass
from collector.retention.record import Reason
from collector.retention.running import PAUSE_S, alone, give_pages_back, limits

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
PROGRESS_S = 1.0
WAIT_S = 0.5


class Command(BaseCommand):
    """Without options, to the limits that a server keeps to by itself."""

    help = "Deletes old telemetry now: RETENTION_DAYS and RETENTION_MAX_BYTES, or what you say. Claims stay longer."
    requires_system_checks = []  # they read every page first, and no page is needed here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", metavar="AGE", help="what was received before that: 30m, 12h, 3d, 2w")
        parser.add_argument("--max-bytes", metavar="SIZE", help="the oldest, until what is left fits: 500MB, 2GiB")

    def handle(self, *args: Any, **options: Any) -> None:
        older_than, max_bytes = options["older_than"], options["max_bytes"]
        # A moment at least: 0 days would be no limit.
        days = max(read(older_than, SECONDS, "--older-than", "3d") / SECONDS["d"], 1e-12) if older_than else None
        size = int(read(max_bytes, BYTES, "--max-bytes", "2GiB")) if max_bytes else None
        if "collector_pruning" not in connection.introspection.table_names():
            self.stdout.write("There is nothing to delete: the database is empty.")
            return
        try:
            self._alone(days, size)
        except Unavailable as error:
            raise CommandError(f"{error}. What was deleted until then stays deleted; run it again.") from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. What was deleted until then stays deleted.", returncode=130) from None

    def _alone(self, days: float | None, size: int | None) -> None:
        """Waits until no other process is at it."""
        waiting, said = threading.Event(), False
        while True:
            with alone() as we_are:
                if we_are:
                    return self._prune(days, size, waiting)
            if not said:
                said = True
                self.stderr.write("Another process is deleting old telemetry; waiting for it.")
            waiting.wait(WAIT_S)

    def _prune(self, days: float | None, size: int | None, waiting: threading.Event) -> None:
        now_ns = time.time_ns()
        ingest.run_from_thread(lambda _: arrivals.note(stages.noted_tables, now_ns))
        before = disk.measure()
        one = Pass(ingest.run_from_thread, waiting.wait, Progress(self.stderr.write), pace=pace)
        if days is None and size is None:
            one.by_age(limits())
            one.by_bytes(settings.RETENTION_MAX_BYTES)
        if days is not None:
            one.by_age(Limits(days, 0, 0), Reason.ASKED)
        if size is not None:
            one.by_bytes(size, Reason.ASKED)
        unused = interned.prune(ingest.run_from_thread, waiting.wait) if one.deleted.rows else {}
        give_pages_back(partial(waiting.wait, PAUSE_S))
        self._say(one.deleted, unused, before)

    def _say(self, deleted: Deleted, unused: dict[str, int], before: disk.Disk) -> None:
        now = disk.measure()
        rows = deleted.rows | {kind: number for kind, number in unused.items() if number}
        words = ", ".join(f"{number:,} {kind}" for kind, number in rows.items()) or "nothing: all of it may stay"
        self.stdout.write(f"Deleted: {words}.")
        if deleted.rows:
            held = pace.holds()
            p50, p99, longest = (f"{(ns or 0) / 1e6:.0f} ms" for ns in (held.p50_ns, held.p99_ns, held.max_ns))
            self.stdout.write(f"A batch held the writer for {p50} (p99 {p99}, the longest {longest}).")
        sizes = f"{now.total / 1e6:,.1f} MB (before: {before.total / 1e6:,.1f} MB), of which {now.free / 1e6:,.1f} MB"
        self.stdout.write(f"On disk: {sizes} are free for what comes next.")


class Progress:
    """Says now and then how far it is."""

    def __init__(self, write: Any) -> None:
        self._write = write
        self._said = time.monotonic()

    def __call__(self, deleted: Deleted) -> None:
        if time.monotonic() - self._said >= PROGRESS_S:
            self._said = time.monotonic()
            self._write(", ".join(f"{number:,} {kind}" for kind, number in deleted.rows.items()))


def read(text: str, units: dict[str, int], option: str, example: str) -> float:
    """A number with a unit. Raises CommandError."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)", text.strip(), re.ASCII)
    unit = match[2] if match else ""
    known = units.get(unit, units.get(unit.upper(), units.get(unit.lower())))
    if match is None or known is None:
        names = ", ".join(name for name in units if name)
        raise CommandError(
            f"{option} is {text!r}: write a number and a unit ({names}), such as {example}.", returncode=2
        )
    return float(match[1]) * known
