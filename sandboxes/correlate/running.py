"""The correlator beside a server: woken by commits, it reads in a thread of its own and writes through the writer."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.db import close_old_connections, connection

from collector.ingest import Unavailable, after_commit
from collector.writer import Committed
from sandboxes.correlate import Correlator

log = logging.getLogger(__name__)

PAUSE_S = 0.1  # what is committed within it is looked at together
PAUSE_AFTER_FAILURE_S = 5.0


class Joining:
    """One a process, started in its event loop. What it missed while it did not run it finds by its cursor."""

    def __init__(self) -> None:
        self._correlator = Correlator()
        self._news = asyncio.Event()
        self._stopping = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="correlate")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins with what is there."""
        self._news.set()
        after_commit.append(self._wake)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends after the step it is in, which needs the writer: so before that stops."""
        after_commit.remove(self._wake)
        self._stopping.set()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self._end_thread)

    def _wake(self, committed: Committed) -> None:
        self._news.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._news.wait()
            self._news.clear()
            well = await loop.run_in_executor(self._thread, self._catch_up)
            if not well:
                self._news.set()
            await asyncio.sleep(PAUSE_S if well else PAUSE_AFTER_FAILURE_S)

    def _catch_up(self) -> bool:
        """In the thread: steps while there is more; whether that went well."""
        try:
            close_old_connections()
            while not self._stopping.is_set() and self._correlator.step():
                pass
        except Unavailable as error:
            log.warning("joining telemetry with claims waits: %s", error)
            return False
        except Exception:
            log.exception("joining telemetry with claims failed; it will be tried again")
            return False
        return True

    def _end_thread(self) -> None:
        self._thread.submit(connection.close)
        self._thread.shutdown(wait=True)
