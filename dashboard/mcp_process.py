"""Keeps the process that answers coding agents, as long as the server runs, where MCP_PORT is set.

Before: `asgi` starts. After: `manage.py run_mcp --http` answers; when it ends it is started again, after a wait that
grows while it does not last. A process of its own: the library costs 26 MB, and a question an agent asks must not hold
up what comes in. It is told to end by its standard input, which closes even when this process is killed.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from contextlib import suppress

from django.conf import settings

from dashboard import child_process
from dashboard.addresses import mcp_endpoint

log = logging.getLogger(__name__)

COMMAND = ("run_mcp", "--http", "--with-parent")
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
LASTED_S = 60.0  # so long it ran well: the next wait is a short one again
STOP_TIMEOUT_S = 10


class McpProcess:
    """One a server, or none."""

    def __init__(self) -> None:
        self._process: child_process.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def check(self) -> dict[str, str]:
        """For /readyz. Telemetry is kept without it: it is never a failure."""
        if not settings.MCP_PORT:
            return {"status": "off", "detail": "no port is set for agents (MCP_PORT); they can start manage.py run_mcp"}
        if self._process is not None and self._process.poll() is None:
            return {"status": "ok", "detail": f"answers agents at {mcp_endpoint()}"}
        return {"status": "waiting", "detail": "the process that answers agents ended, and is started again"}

    def start(self) -> None:
        """To be called in the server's event loop."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Asks it to end, and waits until it has."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(child_process.end, process, STOP_TIMEOUT_S)

    async def _keep(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            begun_s = time.monotonic()
            try:
                self._process = await asyncio.to_thread(child_process.start, *COMMAND, stdin=subprocess.PIPE)
                await _ended(self._process)
                log.warning("the process that answers agents ended with status %s", self._process.returncode)
            except OSError as error:
                log.warning("the process that answers agents cannot be started: %s", error)
            if time.monotonic() - begun_s >= LASTED_S:
                wait_s = FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def _ended(process: child_process.Process) -> None:
    ended = asyncio.Event()
    child_process.when_ended(process, "mcp process", ended.set)
    await ended.wait()


mcp_process = McpProcess()
