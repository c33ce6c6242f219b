"""Programs that run beside a test: started, watched until they are ready, killed or stopped, their output kept.

Before: a command and a folder for its log. After: a process that is ready, or a failure with the end of its log.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

START_TIMEOUT_S = 120  # one takes 3 s at most; a busy machine takes its time
STOP_TIMEOUT_S = 15
LOG_CHARACTERS = 4000
# Below the ports that the kernel gives to outgoing connections: one that is free stays so until its program has it,
# also while that program is killed and started again.
PORTS = range(20_000, 32_000)


class Program:
    """A process in the folder's care; `log` is what it has said so far, over all its starts."""

    def __init__(
        self, name: str, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = folder / f"{name}.log"
        self.environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, ready: Callable[[], bool] | None = None) -> None:
        """Starts it; returns once it is ready, when that is asked for."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if ready:
            self.wait(ready)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Returns once it is ready. A program that is still starting refuses connections: that is no answer."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            assert self.running, f"{self.name} ended:\n{self.log[-LOG_CHARACTERS:]}"
            with suppress(OSError):
                if ready():
                    return
            assert time.monotonic() < deadline, f"{self.name} is not ready:\n{self.log[-LOG_CHARACTERS:]}"
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends it with no warning."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def ask_to_stop(self) -> None:
        """Asks it to end. Several are asked first and waited for after."""
        if self.running and self.process:
            self.process.terminate()

    def stop(self) -> None:
        """Asks it to end; one that does not is killed."""
        self.ask_to_stop()
        if self.process:
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()


def free_port() -> int:
    """A port nobody listens on."""
    while True:
        port = random.choice(PORTS)
        with suppress(OSError), socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether somebody takes connections there. Raises OSError when nobody does."""
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
