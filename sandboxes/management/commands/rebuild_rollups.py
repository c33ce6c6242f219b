"""`manage.py rebuild_rollups`: counts latencies anew from the spans and claims that are stored.

Before: rollups that are wrong, or missing. After: they say what the rows say, but for times of which rows were pruned
already: those stay as they are. A running server goes on; a portion holds its writer up for a fraction of a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from collector.ingest import Unavailable, run_now
from collector.rollup import rebuild
from collector.rollup.windows import WINDOWS_S
from sandboxes.rollup import CLAIMS

ATTEMPTS = 5  # a busy server may hold the database for longer than a statement waits
WAIT_S = 1.0
SHOWN_EVERY_S = 1.0
NAMES = {"spans": rebuild.SPANS, "claims": CLAIMS}


class Command(BaseCommand):
    """Shows how far it is on a terminal, and a line for each source at its end."""

    help = "Counts latencies anew from stored spans and claims. Safe while the server runs."
    requires_system_checks = []  # they read every page first, and no page is needed here

    def handle(self, *args: Any, **options: Any) -> None:
        if "collector_rollup" not in connection.introspection.table_names():
            raise CommandError("The database has no rollups yet: start manage.py up, or run manage.py migrate.")
        begin_s = rebuild.begin_s()
        if begin_s:
            day = f"{datetime.fromtimestamp(begin_s, UTC):%Y-%m-%d %H:%M} UTC"
            self.stdout.write(f"Of times before {day} spans were pruned: their rollups stay as they are.")
        for name, source in NAMES.items():
            first_s = begin_s if source is rebuild.SPANS else 0
            self._walk(f"{name}, windows of {WINDOWS_S[0]} s", first_s, partial(rebuild.count_rows, source))
            for window_s in WINDOWS_S[1:]:
                count = partial(rebuild.count_windows, source.subject, window_s)
                self._walk(f"{name}, windows of {window_s} s", first_s, count)
            self.stdout.write(f"Rollups of {name} are counted anew.")

    def _walk(self, what: str, first_s: int, step: Callable[[int], int | None]) -> None:
        """Portion by portion, each in a transaction of its own."""
        at_s: int | None = first_s
        shown_s = time.monotonic()
        while at_s is not None:
            at_s = self._do(step, at_s)
            if at_s and self.stdout.isatty() and time.monotonic() - shown_s > SHOWN_EVERY_S:
                shown_s = time.monotonic()
                self.stdout.write(f"{what}: {datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M} UTC")

    def _do(self, step: Callable[[int], int | None], at_s: int) -> int | None:
        for attempt in range(ATTEMPTS):
            try:
                return run_now(lambda committed: step(at_s))
            except Unavailable as error:
                if attempt == ATTEMPTS - 1:
                    raise CommandError(f"{error}. What is counted so far stays; run it again.") from error
                time.sleep(WAIT_S)
        return None
