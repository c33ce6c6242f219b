"""Processes that the server keeps beside itself: each is a command of manage.py.

Before: `worker` and `mcp_process` know when there is to be one. After: it runs; when it has ended the loop is told.
`export_writer` reads what its processes write, and starts them its own way.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings

Process = subprocess.Popen[bytes]


def command(*words: str) -> list[str]:
    """manage.py with these words, by the Python that runs now."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]


def start(*words: str, stdin: int | None = None) -> Process:
    """Starts it. Raises OSError.

    Not asyncio's: uvloop forks, and gRPC has something to say about that. In a session of its own: Ctrl-C in the
    terminal is for the server, which then asks the process to end.
    """
    return subprocess.Popen(command(*words), stdin=stdin, start_new_session=True)


def when_ended(process: Process, name: str, tell: Callable[[], None]) -> None:
    """Calls `tell` in the running loop once it has ended. It is waited for in a thread of its own."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        process.wait()
        with suppress(RuntimeError):  # the loop has ended before it
            loop.call_soon_threadsafe(tell)

    threading.Thread(target=wait, name=name, daemon=True).start()


def end(process: Process, timeout_s: float) -> None:
    """Asks it to end, and makes it when it has not after so long."""
    process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
