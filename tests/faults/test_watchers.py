"""The process that watches the cluster is killed: another one goes on, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sandboxes.recorded import read_changes
from tests.sandboxes.fake_cluster import FakeCluster, reachable_cluster, until
from tests.sandboxes.recordings import truth, watch_lines
from tests.server import ROOT, Server

pytestmark = pytest.mark.server

WAIT_S = 120  # only a failure takes that long


class WatchClaims:
    """`manage.py watch_claims` beside a server, on its database."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.log_path = server.data_dir / "watch_claims.log"

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            command = [sys.executable, "manage.py", "watch_claims"]
            self.process = subprocess.Popen(command, env=self.server.environment, cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        return self.log_path.read_text()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[FakeCluster]:
    async with reachable_cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def web(tmp_path: Path, cluster: FakeCluster) -> Iterator[Server]:
    server = Server(tmp_path, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(tmp_path / "kubeconfig"))
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


@pytest.fixture
def other(web: Server) -> Iterator[WatchClaims]:
    other = WatchClaims(web)
    yield other
    if other.process.poll() is None:
        other.kill()


async def replay(cluster: FakeCluster, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        if line["type"] in ("ADDED", "MODIFIED", "DELETED") and line["resource"] != "events":
            await cluster.tell(line["resource"].partition(".")[0], line["type"], line["object"])


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await condition():
            await asyncio.sleep(0.05)


async def watcher_of(server: Server) -> str:
    ready: dict[str, Any] = await asyncio.to_thread(server.get_json, "/readyz")
    detail: str = ready["checks"]["watcher"]["detail"]
    return detail


async def versions(server: Server) -> Counter[tuple[str, str]]:
    sql = "SELECT uid, resource_version FROM sandboxes_objectversion WHERE change <> 'GONE'"
    with suppress(Exception):  # before the tables are made
        return Counter(await asyncio.to_thread(server.rows, sql))
    return Counter()


async def test_when_the_one_that_watches_is_killed_the_other_goes_on(
    cluster: FakeCluster, web: Server, other: WatchClaims
) -> None:
    lines = [json.loads(line) for line in watch_lines("traced-warm")]
    third = len(lines) // 3
    await asyncio.to_thread(web.start)
    await eventually(lambda: _says(web, "watches test"))
    other.start()
    await until(lambda: f"(process {web.process.pid if web.process else 0}) watches test" in other.log, WAIT_S)

    await replay(cluster, lines[:third])
    web.kill()
    await replay(cluster, lines[third : 2 * third])
    await until(lambda: "\nwatches test" in other.log, WAIT_S)
    await asyncio.to_thread(web.start)
    await eventually(lambda: _says(web, f"(process {other.process.pid}) watches test"))
    other.kill()
    await replay(cluster, lines[2 * third :])

    states = {item["uid"]: "deleted" for item in truth("traced-warm")["claims"]}

    async def all_told() -> bool:
        return dict(await asyncio.to_thread(web.rows, "SELECT uid, state FROM sandboxes_claim")) == states

    await eventually(all_told)
    await eventually(lambda: _says(web, "watches test"))
    await asyncio.to_thread(web.stop)
    counted = await versions(web)
    whole = {(change.uid, change.metadata["resourceVersion"]) for change in read_changes(watch_lines("traced-warm"))}
    assert set(counted) == whole
    assert set(counted.values()) == {1}


async def _says(server: Server, words: str) -> bool:
    return words in await watcher_of(server)
