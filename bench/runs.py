"""`python -m bench.runs`: what a run adds to the same calls in a bare script, on a real control plane.

100 sandboxes, 20 at a time, with the direct connection: by the SDK alone, then as a run of a dashboard that watches the
cluster, takes the run's telemetry, and is asked for the run's page all the while. RUN_COUNT sets how many.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from k8s_agent_sandbox.exceptions import SandboxRequestError
from k8s_agent_sandbox.models import SandboxDirectConnectionConfig
from k8s_agent_sandbox.sandbox_client import SandboxClient

from sandboxes.cluster import blocking
from tests.cluster.plane import Plane
from tests.cluster.runs import new_runner, press_start, wait_for_end
from tests.cluster.starting import plane_with_pools
from tests.server import Server

COUNT = int(os.environ.get("RUN_COUNT", "100"))
CONCURRENCY = 20
POOL = "simple-sandbox-pool"  # cold: each waits for its own, whoever was before
ROUNDS = 2
PAUSE_S = 0.5


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-runs-"))
    (folder / "plane").mkdir()
    with plane_with_pools(folder / "plane", "http://127.0.0.1:9") as plane:
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        server = new_runner(plane, folder)
        server.start()
        bare, ours, pages, most_mb = [], [], [], 0.0
        for _ in range(ROUNDS):  # in turn: the machine is not the same all the time
            bare.append(bare_script(plane))
            took_s, looked, rss = run(server, plane)
            ours.append(took_s)
            pages += looked
            most_mb = max(most_mb, rss)
        server.stop()
    pages.sort()
    lines = [
        ("the SDK alone, best", f"{min(bare):.1f} s"),
        ("as a run, best", f"{min(ours):.1f} s"),
        ("ratio", f"{min(ours) / min(bare):.2f}"),
        ("the run's page meanwhile, p50 and p95", f"{_at(pages, 0.5):.0f}, {_at(pages, 0.95):.0f} ms"),
        ("server's RSS at most", f"{most_mb:.0f} MB"),
    ]
    print(f"\n{COUNT} sandboxes, {CONCURRENCY} at a time, claimed, used, deleted")
    for name, value in lines:
        print(f"  {name:50}{value:>20}")


def bare_script(plane: Plane) -> float:
    """Seconds that the SDK alone takes."""
    api = blocking.client("", CONCURRENCY)
    connection = SandboxDirectConnectionConfig(api_url=plane.router_url)
    refused: list[str] = []

    def one(number: int) -> None:
        client: SandboxClient[Any] = SandboxClient(connection_config=connection, api_client=api)
        sandbox = client.create_sandbox(POOL, shutdown_after_seconds=600)
        try:
            sandbox.commands.run(f"echo {number}")
        except SandboxRequestError as error:
            refused.append(str(error))  # the SDK does not try a command again
        sandbox.terminate()

    began = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as threads:
        list(threads.map(one, range(COUNT)))
    took_s = time.perf_counter() - began
    if refused:
        print(f"the SDK alone: {len(refused)} commands refused: {refused[0]}", file=sys.stderr)
    return took_s


def run(server: Server, plane: Plane) -> tuple[float, list[float], float]:
    """Seconds from the first request to the last deletion, page times in ms, the server's memory in MB."""
    run_id = press_start(server, plane, pool=POOL, count=COUNT, concurrency=CONCURRENCY, commands="echo {i}")
    looked: list[float] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(PAUSE_S):
            began = time.perf_counter()
            server.get(f"/runs/{run_id}/")
            looked.append((time.perf_counter() - began) * 1000)

    looking = threading.Thread(target=look)
    looking.start()
    row = wait_for_end(server, run_id)
    ended.set()
    looking.join()
    assert row["ready"] == str(COUNT), row
    if int(row["failed"]):
        print(f"as a run: {row['failed']} sandboxes failed", file=sys.stderr)
    [(began_ns, ended_ns)] = server.rows(
        "SELECT min(requested_ns), max(deleted_ns) FROM sandboxes_runsandbox s JOIN sandboxes_run r ON r.id = run_id"
        " WHERE uid = ?",
        run_id,
    )
    return (ended_ns - began_ns) / 1e9, looked, _rss_mb(server)


def _rss_mb(server: Server) -> float:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _at(values: list[float], q: float) -> float:
    return values[min(len(values) - 1, int(q * len(values)))]


if __name__ == "__main__":
    main()
