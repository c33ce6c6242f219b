"""Puts SQLite's log of writes into its place beside the writer, so that no acknowledgement waits for it.

Left to itself the writer does it inside a commit, every 16,000 pages: 64 MB written and flushed while nobody gets an
answer. At 5,000 spans/s the slowest hundredth of them waited 130 ms; done here, once a second on a connection that
neither waits for the writer nor holds it up (PASSIVE), 30 ms.

Under constant load the log never comes to its end this way. The writer's own checkpoint then finds next to nothing left
to do, and the log begins anew. Once nobody has written for a while, its 64 MB are given back.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from django.db import DatabaseError, connection

from collector.sql import execute

INTERVAL_S = 1.0
IDLE_LOOKS = 10  # without a write, before the log is given back: who writes again soon would have to make it anew


class Checkpointer:
    """The thread. `wrote` says that there is something to do."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._written = False
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wrote(self) -> None:
        """Called by the writer after a commit."""
        self._written = True

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        idle = 0
        try:
            while not self._stopping.wait(INTERVAL_S):
                idle = 0 if self._written else idle + 1
                with suppress(DatabaseError):  # the writer's own checkpoint will do
                    if self._written:
                        self._written = False
                        execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                    elif idle % IDLE_LOOKS == 0:
                        _give_log_back()
        finally:
            connection.close()


def _give_log_back() -> None:
    """Empties the log's file, if there is one and nobody reads from it or writes now: then this time it stays."""
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    if not log.exists() or not log.stat().st_size:
        return
    execute("PRAGMA busy_timeout = 0")  # or it would hold up writers for as long as a reader reads
    execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
