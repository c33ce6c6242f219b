"""A dashboard of its own for a benchmark: a fresh data directory, free ports, and what the process takes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """The process and its addresses."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.pages_port, self.otlp_port, grpc_port = _free_ports(3)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("OTLP_", "DASHBOARD_"))},
            "DASHBOARD_DATA_DIR": str(data_dir),
            "DASHBOARD_PORT": str(self.pages_port),
            "OTLP_HTTP_PORT": str(self.otlp_port),
            "OTLP_GRPC_PORT": str(grpc_port),
            **variables,
        }
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "up"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        self._wait_until_ready()
        self.ready_s = time.perf_counter() - started

    def _wait_until_ready(self) -> None:
        for _ in range(1_000):
            if self.process.poll() is not None:
                raise SystemExit("the server ended before it was ready")
            with suppress(OSError):
                self.get("/readyz")
                return
            time.sleep(0.02)
        raise SystemExit("the server is not ready")

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.pages_port}{path}", timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/api/v1/status"))
        return found

    def rss_mb(self) -> float:
        """Resident memory now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def peak_mb(self) -> float:
        """Resident memory at most so far."""
        return self._status_mb("VmHWM")

    def own_mb(self) -> float:
        """Resident memory now that is no page of a file: of SQLite's the kernel takes back what it needs elsewhere."""
        return self._status_mb("RssAnon")

    def children_mb(self) -> list[float]:
        """The same of each process it has started that still runs."""
        found = []
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in children.read_text().split():
                with suppress(OSError, IndexError):  # it has just ended
                    found.append(self._status_mb("RssAnon", pid))
        return found

    def _status_mb(self, name: str, pid: object = None) -> float:
        status = Path(f"/proc/{pid or self.process.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) * 1024 / 1e6

    def cpu_s(self) -> float:
        """CPU seconds taken so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self, most_s: float = 60) -> None:
        """Waits until it has done what a start brings with it: counting, looking through the past, a first deletion."""
        until = time.monotonic() + most_s
        while time.monotonic() < until:
            before = self.cpu_s()
            time.sleep(1)
            if self.cpu_s() - before < 0.05:
                return

    def ended_cpu_s(self) -> float:
        """CPU seconds taken by the processes it had started that have ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def disk_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.data_dir.glob("dashboard.sqlite3*"))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextmanager
def running_server(**variables: str) -> Iterator[Server]:
    """A server with an empty database; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = Server(Path(folder), **variables)
        try:
            yield server
        finally:
            server.stop()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports
