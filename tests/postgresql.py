"""A PostgreSQL of its own for one command: `python -m tests.postgresql pytest`.

Before: nothing but PostgreSQL's programs. After: the command has run with DATABASE_URL naming an empty database in a
temporary cluster, which is gone again; the command's exit status is ours.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psycopg

DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
START_TIMEOUT_S = 60
MISSING = "PostgreSQL's initdb was not found: install PostgreSQL (Debian: apt-get install postgresql)."
# A cluster that nobody needs after a crash: nothing has to reach the disk.
HASTE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class Missing(Exception):
    """PostgreSQL is not installed; the message says what to install."""


def find_programs() -> Path:
    """The directory of initdb and postgres: PATH's, else Debian's newest. Raises Missing."""
    if (initdb := shutil.which("initdb")) and shutil.which("postgres"):
        return Path(initdb).resolve().parent
    found = sorted(DEBIAN_PROGRAMS.glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    if not found:
        raise Missing(MISSING)
    return found[-1].parent


@contextmanager
def running_cluster() -> Iterator[str]:
    """The URL of an empty database, for as long as the context lasts. Raises Missing."""
    programs = find_programs()
    # PostgreSQL refuses to run as root. Its package made this user.
    owner = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="dashboard-postgresql-"))
    try:
        if owner:
            shutil.chown(home, owner, owner)
        url, process = _start(programs, home, owner)
        try:
            yield url
        finally:
            process.send_signal(signal.SIGINT)  # "fast": drops connections, then ends in order
            process.wait(30)
    finally:
        shutil.rmtree(home)


def _start(programs: Path, home: Path, owner: str | None) -> tuple[str, subprocess.Popen[bytes]]:
    """Makes the cluster in `home` and starts it; it listens on a socket there and on no port."""
    data, log_path = home / "data", home / "log"
    options = ["--username=dashboard", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        [programs / "initdb", "--pgdata", data, *options], check=True, stdout=subprocess.DEVNULL, user=owner, cwd=home
    )
    settings = {**HASTE, "listen_addresses": "", "unix_socket_directories": str(home)}
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            stdout=log,
            stderr=log,
            user=owner,
            cwd=home,
            start_new_session=True,  # Ctrl-C is for the command: it still needs its database to end well
        )
    url = f"postgres://dashboard@{quote(str(home), safe='')}/postgres"
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"PostgreSQL did not start:\n{log_path.read_text()}")
        time.sleep(0.05)
    return url, process


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(cluster_url: str, owner: Path) -> str:
    """The URL of a database in the cluster for whoever owns this directory: the same for the same directory."""
    name = f"server_{sha256(str(owner).encode()).hexdigest()[:16]}"
    with psycopg.connect(cluster_url, autocommit=True) as connection, suppress(psycopg.errors.DuplicateDatabase):
        connection.execute(f"CREATE DATABASE {name}".encode())
    return cluster_url.rpartition("/")[0] + f"/{name}"


def run(command: list[str]) -> int:
    """Runs the command with a cluster; its exit status."""
    with running_cluster() as url:
        child = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url})
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: child.send_signal(number))
        return child.wait()


def main(command: list[str]) -> int:
    """The command's exit status; without PostgreSQL a sentence, and failure only where everything is required."""
    if not command:
        sys.stderr.write(__doc__)
        return 2
    try:
        return run(command)
    except Missing as error:
        required = os.environ.get("REQUIRE_ALL")
        sys.stderr.write(f"{'Failed' if required else 'Skipped'}: {' '.join(command)}\n{error}\n")
        return 1 if required else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
