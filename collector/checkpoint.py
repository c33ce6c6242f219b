"""Puts SQLite's log of writes into its place beside the writer, so that no acknowledgement waits for it.

Left to itself the writer does it inside a commit, every 16,000 pages: 64 MB written and flushed while nobody gets an
answer. At 5,000 spans/s the slowest hundredth of them waited 130 ms; done here, once a second on a connection that
neither waits for the writer nor holds it up (PASSIVE), 30 ms.

A log begins anew only where all of it is in its place, which under constant load never is: while a pass works, the
writer appends. So of a long log a second pass takes what came during the first, and the few pages since then are the
writer's, between two transactions, when its answers are on their way: 45 ms. Its commits, which did the whole of it as
long as SQLite called for that, took up to 140. Once nobody has written for a while, the log's file is given back.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from django.db import DatabaseError, connection

from collector.sql import execute

INTERVAL_S = 1.0
LONG_PAGES = 12_000  # of a log that is to begin anew: 48 MB
IDLE_LOOKS = 10  # without a write, before the log is given back: who writes again soon would have to make it anew


class Checkpointer:
    """The thread. `wrote` says that there is something to do; the writer calls `finish` between two transactions."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._written = False
        self._nearly_done = False
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wrote(self) -> None:
        """Called by the writer after a commit."""
        self._written = True

    def finish(self) -> None:
        """In the writer's thread: puts the end of a long log into its place, so that the next write begins it anew."""
        if self._nearly_done:
            self._nearly_done = False
            _put_into_place()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        idle = 0
        try:
            while not self._stopping.wait(INTERVAL_S):
                idle = 0 if self._written else idle + 1
                with suppress(DatabaseError):  # the next look will do
                    if self._written:
                        self._written = False
                        self._go_through()
                    elif idle % IDLE_LOOKS == 0:
                        _give_log_back()
        finally:
            connection.close()

    def _go_through(self) -> None:
        if _put_into_place() >= LONG_PAGES:
            _put_into_place()
            self._nearly_done = True


def _put_into_place() -> int:
    """Copies what no reader holds back; gives how many pages the log has."""
    _, pages, _ = execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)


def _give_log_back() -> None:
    """Empties the log's file, if there is one and nobody reads from it or writes now: then this time it stays."""
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    if not log.exists() or not log.stat().st_size:
        return
    execute("PRAGMA busy_timeout = 0")  # or it would hold up writers for as long as a reader reads
    execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
