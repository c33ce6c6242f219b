"""A real dashboard for tests: `manage.py up` in a process of its own, on free ports, with an empty database.

Tests look at what it keeps in two ways: as a client would (API, CSV), and in its database: SQLite in the server's data
directory or, where the tests run on PostgreSQL, one of its own there.
"""

from __future__ import annotations

import csv
import io
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import psycopg

from tests.postgresql import create_database

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "manage.py", "up"]  # from the top of a checkout
START_TIMEOUT_S = 60
OURS = ("DASHBOARD_", "OTLP_", "OTEL_", "REDACT_", "RETENTION_", "RUNS_", "MCP_", "DATABASE_URL", "REDIS_URL")


class Server:
    """The process, its ports and its database."""

    root = ROOT  # the checkout it is started from
    command = COMMAND

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.pages_port, self.otlp_port, self.grpc_port = free_ports()
        self.log_path = data_dir / "server.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment = {
            **inherited,
            "DASHBOARD_DATA_DIR": str(data_dir),
            "DASHBOARD_CLUSTER": "off",  # whoever runs the tests may have one
            "DASHBOARD_PORT": str(self.pages_port),
            "OTLP_HTTP_PORT": str(self.otlp_port),
            "OTLP_GRPC_PORT": str(self.grpc_port),
            **variables,
        }
        self.database_url = ""
        if cluster := os.environ.get("DATABASE_URL"):
            self.database_url = create_database(cluster, data_dir)
            self.environment.setdefault("DATABASE_URL", self.database_url)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pages_url(self) -> str:
        return f"http://127.0.0.1:{self.pages_port}"

    @property
    def otlp_url(self) -> str:
        return f"http://127.0.0.1:{self.otlp_port}"

    @property
    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def start(self) -> None:
        """Returns once it is ready; fails with its log when it is not."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.root,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._ready, START_TIMEOUT_S, lambda: f"the server is not ready:\n{self.log}")

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended:\n{self.log}"
        with suppress(OSError):
            return self.get("/readyz") != b""
        return False

    def stop(self) -> None:
        """Asks it to end, as a supervisor would: that is no failure, and leaves no traceback."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log
        assert "Traceback" not in self.log, self.log

    def kill(self) -> None:
        """Ends it with no warning."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def get(self, path: str, **headers: str) -> bytes:
        """A page's body. Raises HTTPError."""
        request = urllib.request.Request(self.pages_url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body: bytes = answer.read()
            return body

    def get_json(self, path: str) -> Any:
        return orjson.loads(self.get(path))

    def csv(self, name: str, **filters: str) -> list[dict[str, str]]:
        """An export's rows, by column."""
        body = self.get(f"/export/{name}.csv?{urllib.parse.urlencode(filters)}")
        return list(csv.DictReader(io.StringIO(body.decode(), newline="")))

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What its database answers; parameters are written `?`."""
        if self.database_url:
            with psycopg.connect(self.database_url) as connection:
                return connection.execute(sql.replace("?", "%s").encode(), parameters).fetchall()
        with closing(sqlite3.connect(self.data_dir / "dashboard.sqlite3")) as database:
            return database.execute(sql, parameters).fetchall()

    def span_names(self) -> set[str]:
        return {
            name
            for (name,) in self.rows(
                "SELECT DISTINCT name FROM collector_span JOIN collector_operation o ON o.id = operation_id"
            )
        }

    def count_spans(self, name: str) -> int:
        sql = "SELECT count(*) FROM collector_span JOIN collector_operation o ON o.id = operation_id WHERE o.name = ?"
        count: int = self.rows(sql, name)[0][0]
        return count

    def find_trace(self, trace_id: str) -> bool:
        return bool(self.rows("SELECT 1 FROM collector_span WHERE trace_id = ?", bytes.fromhex(trace_id)))

    def metric_names(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT DISTINCT name FROM collector_metricstream")}

    def log_bodies(self) -> set[str]:
        """Those that are texts."""
        bodies = self.rows("SELECT CAST(body AS text) FROM collector_log WHERE body IS NOT NULL")
        return {orjson.loads(body) for (body,) in bodies if body.startswith('"')}


@contextmanager
def running_server(data_dir: Path, **variables: str) -> Iterator[Server]:
    """A server that is ready; afterwards it has ended well."""
    with running(Server(data_dir, **variables)) as server:
        yield server


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The same for a server that is made already."""
    server.start()
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    server.stop()


def wait_for(condition: Any, timeout_s: float, explain: Any = lambda: "it did not happen") -> None:
    """Returns as soon as the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)


def free_ports() -> tuple[int, int, int]:
    """Three ports nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    first, second, third = (sock.getsockname()[1] for sock in sockets)
    for sock in sockets:
        sock.close()
    return first, second, third
