"""Retention beside a server: a thread that notes what has come, and makes a pass every few seconds.

Of several processes one at a time does it: on PostgreSQL whoever holds an advisory lock. On SQLite two would do no
harm, since each batch stands for itself.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.db import close_old_connections, connection

from collector.retention import arrivals, disk, interned, record, stages
from collector.retention.pace import pace
from collector.retention.passes import Limits, Pass, Run
from collector.sql import execute, is_sqlite
from collector.writer import Unavailable

log = logging.getLogger(__name__)

INTERVAL_S = 10.0
UNUSED_INTERVAL_NS = 3_600 * 10**9  # of looking for what nothing points at
PAUSE_S = 0.05  # between two steps of giving pages back: whoever writes asks for its lock that often
LOCK = 0x5A_4E_44_42  # the advisory lock's number: any, as long as it is ours


def limits() -> Limits:
    """What the settings say."""
    return Limits(settings.RETENTION_DAYS, settings.RETENTION_MAX_BYTES, settings.ROLLUP_RETENTION_DAYS)


@contextmanager
def alone() -> Iterator[bool]:
    """Whether nobody else deletes old rows now; if so, nobody else begins before the context ends."""
    if is_sqlite():
        yield True
        return
    held = bool(execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()[0])
    try:
        yield held
    finally:
        if held:
            execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


class Retention:
    """The thread. `run` does its writing: through the writer, or beside it where the database takes several."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go, name="retention", daemon=True)
        self._looked_ns = 0  # for what nothing points at

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """Ends after the batch it is in, which needs the writer: so before that stops."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    def _go(self) -> None:
        try:
            while not self._stopping.wait(INTERVAL_S):
                close_old_connections()
                try:
                    self._keep_house()
                except Unavailable as error:
                    log.warning("deleting old telemetry waits: %s", error)
                except Exception:
                    log.exception("deleting old telemetry failed; it will be tried again")
        finally:
            connection.close()

    def _keep_house(self) -> None:
        with alone() as we_are:
            if not we_are:
                return
            now_ns = time.time_ns()
            if arrivals.is_due(now_ns):
                self._run(lambda _: arrivals.note(stages.noted_tables, now_ns), 1)
            disk.analyse_new_tables()
            one = Pass(self._run, self._stopping.wait, pace=pace)
            one.by_age(limits())
            one.by_bytes(settings.RETENTION_MAX_BYTES)
            latest = record.latest()
            if latest and latest.ended_ns > self._looked_ns and now_ns - self._looked_ns > UNUSED_INTERVAL_NS:
                self._looked_ns = now_ns
                interned.prune(self._run, self._stopping.wait)
            give_pages_back(partial(self._stopping.wait, PAUSE_S))


def give_pages_back(pause: Callable[[], bool]) -> None:
    """Gives pages that deletion freed back to the file system, all but a few; `pause` says when to leave it."""
    while disk.give_back() and not pause():
        pass
