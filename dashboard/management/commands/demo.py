"""`manage.py demo`: the dashboard with recorded real sessions in it, for somebody without a cluster at hand.

Before: nothing. After: as `manage.py up`, over a database of its own, which is made anew at each start: sessions are
never mixed with what somebody collected, and always lie in the minutes before.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.listener import PortBusy
from dashboard.server import open_sockets
from sandboxes.demo import SESSIONS, begin_ns, moved, moves_s

FOLDER = settings.BASE_DIR / "demo"
MANAGE = settings.BASE_DIR / "manage.py"


class Command(BaseCommand):
    """Loads, then becomes `manage.py up`."""

    help = "As `up`, with recorded sessions loaded, in a database of its own that each start makes anew."
    requires_system_checks = []  # `up` makes them

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.DASHBOARD_DATA_DIR / "demo"
        environment = os.environ | {
            "DASHBOARD_DATA_DIR": str(folder),
            "DATABASE_URL": "",  # SQLite, whatever else is set
            "DASHBOARD_CLUSTER": "off",
        }
        self._check_ports()  # a demo that runs already must not lose its database
        for file in folder.glob("dashboard.sqlite3*"):
            file.unlink()
        self.stdout.write("Loading recorded sessions ...")
        self.stdout.flush()
        with tempfile.TemporaryDirectory(prefix="demo-") as temporary:
            files = write_sessions(Path(temporary), time.time_ns())
            command = [sys.executable, str(MANAGE), "import", *map(str, files)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandError(f"The recorded sessions cannot be loaded: {done.stderr.strip()}")
        os.execve(sys.executable, [sys.executable, str(MANAGE), "up"], environment)  # noqa: S606 - it becomes that one

    def _check_ports(self) -> None:
        try:
            for sock in open_sockets():
                sock.close()
        except PortBusy as error:
            raise CommandError(str(error), returncode=2) from error


def write_sessions(folder: Path, now_ns: int) -> list[Path]:
    """The sessions, moved so that the newest has just happened."""
    sessions = [
        gzip.decompress((FOLDER / f"{name}.jsonl.gz").read_bytes()).splitlines(keepends=True) for name in SESSIONS
    ]
    files = []
    for name, lines, by_s in zip(SESSIONS, sessions, moves_s(map(begin_ns, sessions), now_ns), strict=True):
        path = folder / f"{name}.jsonl"
        path.write_bytes(b"".join(moved(lines, by_s)))
        files.append(path)
    return files
