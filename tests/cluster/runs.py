"""Runs of a dashboard on a plane: started and cancelled by its pages, waited for, looked for in the cluster.

Before: a plane, and a dashboard that watches it. After: tests and benchmarks say what has to hold.
"""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from contextlib import suppress
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from sandboxes.plans import RUN_LABEL
from tests.cluster.plane import Plane
from tests.server import Server, wait_for

WAIT_S = 240
POOL = "warm-pool"


def new_runner(plane: Plane, folder: Path) -> Server:
    found = plane.environment
    return Server(folder, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(plane.kubeconfig), PATH=found["PATH"])


def press_start(server: Server, plane: Plane, **fields: Any) -> str:
    """Fills in the form and presses Start, as a browser would; gives the run's id."""
    filled_in = {
        "pool": POOL, "namespace": "default", "count": 4, "pace": "concurrency", "concurrency": 4,
        "commands": "echo {i}", "ready_timeout_s": 120, "command_timeout_s": 60, "time_to_live_s": 600,
        "way": "direct", "url": plane.router_url, **fields,
    }  # fmt: skip
    answer = _send(server, "/runs/new/", "/runs/new/", filled_in)
    found = re.fullmatch(r".*/runs/([0-9a-f]+)/", answer.url)
    assert found, answer.read().decode()
    return found[1]


def cancel(server: Server, run_id: str) -> None:
    """Presses Cancel on the run's page."""
    _send(server, f"/runs/{run_id}/", f"/runs/{run_id}/cancel/", {})


def _send(server: Server, page: str, action: str, fields: dict[str, Any]) -> Any:
    """Opens a page and sends one of its forms; gives the answer after redirects."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    html = browser.open(server.pages_url + page).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert token
    body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
    return browser.open(server.pages_url + action, body)


def run_of(server: Server, run_id: str) -> dict[str, str]:
    return next(row for row in server.csv("runs") if row["id"] == run_id)


def wait_for_end(server: Server, run_id: str) -> dict[str, str]:
    """The run's row once it has ended."""
    going_on = ("queued", "running", "cancelling")
    wait_for(lambda: run_of(server, run_id)["state"] not in going_on, WAIT_S, lambda: server.log)
    return run_of(server, run_id)


def claims_left(plane: Plane, run_id: str) -> list[str]:
    claims = plane.api.list("SandboxClaim")
    labels = {claim["metadata"]["name"]: claim["metadata"].get("labels", {}) for claim in claims}
    return [name for name, found in labels.items() if found.get(RUN_LABEL) == run_id]


def wait_until_busy(plane: Plane, run_id: str, count: int = 2) -> None:
    wait_for(lambda: len(claims_left(plane, run_id)) >= count, WAIT_S)


def worker_of(server: Server) -> int:
    """The id of the process that does the server's runs."""
    assert server.process is not None
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == server.process.pid and b"run_worker" in (path / "cmdline").read_bytes():
                return int(path.name)
    raise AssertionError(f"no worker runs:\n{server.log}")
