"""Keeps a worker process for test runs, as long as there is something to do.

Before: a page asked for a run, or one is found whose process died. After: `manage.py run_worker` does it. A process of
its own: a tunnel that hangs must not hurt the server, and the SDK and SciPy stay out of its memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial

from django.conf import settings
from django.db import DatabaseError, connection
from django_tasks_db.models import DBTaskResult

from collector.ingest import Unavailable, ingest
from collector.writer import Committed
from dashboard import child_process
from sandboxes.models import Run
from sandboxes.runs import recording, tasks

log = logging.getLogger(__name__)

LOOK_INTERVAL_S = 5.0
STOP_TIMEOUT_S = 20  # what it takes to delete some hundred claims; the rest is cleaned up at the next start


class RunWorker:
    """One a server. Looks when it is woken, when its process ended, and every few seconds."""

    def __init__(self) -> None:
        self._process: child_process.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def sentence(self) -> str:
        """For people: what it does now."""
        if settings.DASHBOARD_CLUSTER == "off":
            return "no cluster is watched: there are no test runs"
        if settings.RUNS_WORKER == "off":
            return "test runs are done by a worker of its own (manage.py run_worker)"
        return (
            "a worker process is doing test runs" if self._process else "starts a worker when a test run is asked for"
        )

    @property
    def check(self) -> dict[str, str]:
        """For /readyz."""
        off = settings.RUNS_WORKER == "off" or settings.DASHBOARD_CLUSTER == "off"
        return {"status": "off" if off else "ok", "detail": self.sentence}

    def start(self) -> None:
        """To be called in the server's event loop."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run())

    def wake(self) -> None:
        """Looks now. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked.set)

    async def stop(self) -> None:
        """Asks the process to end and gives it time to delete what it has in the cluster."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(child_process.end, process, STOP_TIMEOUT_S)

    async def _run(self) -> None:
        while True:
            try:
                waiting = await asyncio.to_thread(_look)
                if waiting and settings.RUNS_WORKER == "auto" and self._process is None:
                    await self._begin()
            except (DatabaseError, Unavailable, OSError) as error:
                # A database that is locked or away, no process to be had: the next look may find it otherwise.
                log.warning("looking for test runs waits: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), LOOK_INTERVAL_S)
            self._asked.clear()

    async def _begin(self) -> None:
        process = await asyncio.to_thread(child_process.start, "run_worker", "--batch")
        self._process = process
        child_process.when_ended(process, "run worker", partial(self._ended, process))

    def _ended(self, process: child_process.Process) -> None:
        if self._process is process:
            self._process = None
        if process.returncode == 0:  # one that cannot even begin would be started over and over
            self._asked.set()


def _look() -> bool:
    """Asks for the clean-up of runs whose process is not heard of any more; gives whether a task waits for a worker."""
    try:
        for run_id in recording.silent(time.time_ns()):
            ingest.run_from_thread(partial(_ask_for_clean_up, run_id))
        return DBTaskResult.objects.ready().exists()
    finally:
        connection.close()  # this thread's, which may not be used again


def _ask_for_clean_up(run_id: str, committed: Committed) -> None:
    # As if it had been heard of: it is asked for once, and once more if that is not done within the silence either.
    Run.objects.filter(uid=run_id).update(heartbeat_ns=time.time_ns())
    tasks.clean_up.enqueue(run_id)


run_worker = RunWorker()
