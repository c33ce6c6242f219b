"""A port to listen on, or a sentence that says which is busy and which variable names another; and a clean end of it.

Before: settings. After: `server` serves on it, or `model_context.http`, which needs nothing else of the server.
"""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass


class PortBusy(OSError):
    """A port cannot be listened on; the message says which, and which variable names another."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen on, and the variable that sets its port."""

    host: str
    port: int
    variable: str

    def open(self) -> socket.socket:
        """A socket bound to it. Raises PortBusy."""
        sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self.host, self.port))
            sock.listen(2048)  # as uvicorn would: a port that is bound but not listened on looks free to others
        except OSError as error:
            sock.close()
            raise PortBusy(
                f"Cannot listen on {self.host} port {self.port}: {error.strerror or error}."
                f" Is a dashboard or a collector running already? Stop it, or set {self.variable} to another port."
            ) from error
        return sock


def end_cleanly() -> None:
    """Before uvicorn runs: it raises the signal once more when it is done, and a clean stop is no failure."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
