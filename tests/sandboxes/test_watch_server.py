"""A real server beside an API server: what the cluster does is on the pages, live, and over restarts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.sandboxes.fake_cluster import FakeCluster, reachable_cluster, until
from tests.sandboxes.recordings import truth, watch_lines
from tests.server import Server

pytestmark = [pytest.mark.server, pytest.mark.long]

WAIT_S = 120  # only a failure takes that long; a busy machine may take half of it
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[FakeCluster]:
    async with reachable_cluster(tmp_path) as cluster:
        yield cluster


@asynccontextmanager
async def watching(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that watches the cluster the kubeconfig leads to."""
    server = Server(tmp_path, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(tmp_path / "kubeconfig"))
    await asyncio.to_thread(server.start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


async def states(server: Server) -> dict[str, str]:
    return dict(await asyncio.to_thread(server.rows, "SELECT uid, state FROM sandboxes_claim"))


async def watcher_check(server: Server) -> dict[str, str]:
    ready: dict[str, Any] = await asyncio.to_thread(server.get_json, "/readyz")
    assert ready["status"] == "ok"  # whatever becomes of the cluster
    check: dict[str, str] = ready["checks"]["watcher"]
    return check


async def until_states(server: Server, expected: dict[str, str]) -> None:
    async with asyncio.timeout(WAIT_S):
        while await states(server) != expected:
            await asyncio.sleep(0.05)


async def replay(cluster: FakeCluster, scenario: str) -> None:
    for line in map(json.loads, watch_lines(scenario)):
        if line["type"] in ("ADDED", "MODIFIED", "DELETED") and line["resource"] != "events":
            await cluster.tell(line["resource"].partition(".")[0], line["type"], line["object"])


def claim(uid: str, version: int) -> dict[str, Any]:
    metadata = {"uid": uid, "name": uid, "namespace": "default", "resourceVersion": str(version)}
    created = {"creationTimestamp": "2026-11-24T10:00:00Z"}
    return {"metadata": metadata | created, "spec": {"warmPoolRef": {"name": "pool"}}}


async def test_a_watched_session_is_on_the_pages(cluster: FakeCluster, tmp_path: Path) -> None:
    async with watching(tmp_path) as server:
        await until(lambda: cluster.requests["watch sandboxclaims"], WAIT_S)
        await replay(cluster, "traced-warm")
        await until_states(server, {item["uid"]: "deleted" for item in truth("traced-warm")["claims"]})
        assert await watcher_check(server) == {"status": "ok", "detail": "watches test"}


async def test_an_open_page_is_told_at_once(cluster: FakeCluster, tmp_path: Path) -> None:
    async with (
        watching(tmp_path) as server,
        connect(f"ws://127.0.0.1:{server.pages_port}/ws/live/", origin=f"http://127.0.0.1:{server.pages_port}") as page,  # type: ignore[arg-type]
    ):
        await page.send(json.dumps({"op": "subscribe", "id": 1, "topic": "claims"}))
        assert json.loads(await page.recv())["type"] == "snapshot"
        await cluster.tell("sandboxclaims", "ADDED", claim("a", 200))
        async with asyncio.timeout(WAIT_S):
            while "a" not in json.loads(await page.recv())["data"].get("ids", []):
                pass


async def two_claims_of_which_one_goes(cluster: FakeCluster, tmp_path: Path) -> None:
    """A server has seen both; then, while none runs, one is deleted."""
    await cluster.tell("sandboxclaims", "ADDED", claim("stays", 200))
    await cluster.tell("sandboxclaims", "ADDED", claim("goes", 201))
    async with watching(tmp_path) as server, asyncio.timeout(WAIT_S):
        while set(await states(server)) != {"stays", "goes"}:
            await asyncio.sleep(0.05)
    await cluster.tell("sandboxclaims", "DELETED", claim("goes", 202))


async def test_what_happened_while_no_server_ran_is_told_afterwards(cluster: FakeCluster, tmp_path: Path) -> None:
    await two_claims_of_which_one_goes(cluster, tmp_path)
    await cluster.tell("sandboxclaims", "ADDED", claim("short", 203))
    await cluster.tell("sandboxclaims", "DELETED", claim("short", 204))
    listed = cluster.requests["list sandboxclaims"]
    async with watching(tmp_path) as server, asyncio.timeout(WAIT_S):
        # Neither was ever ready, and of that we know.
        while {uid for uid, state in (await states(server)).items() if state == "failed"} != {"goes", "short"}:
            await asyncio.sleep(0.05)
        assert (await states(server))["stays"] not in ("deleted", "failed")
    assert cluster.requests["list sandboxclaims"] == listed


async def test_a_claim_that_went_unseen_while_no_server_ran_is_closed(cluster: FakeCluster, tmp_path: Path) -> None:
    await two_claims_of_which_one_goes(cluster, tmp_path)
    cluster.compact("sandboxclaims")
    async with watching(tmp_path) as server, asyncio.timeout(WAIT_S):
        while (await states(server))["goes"] != "deleted":
            await asyncio.sleep(0.05)
        assert (await states(server))["stays"] != "deleted"


async def test_after_a_clear_the_claims_there_are_come_back(cluster: FakeCluster, tmp_path: Path) -> None:
    await cluster.tell("sandboxclaims", "ADDED", claim("stays", 200))
    async with watching(tmp_path) as server, asyncio.timeout(WAIT_S):
        while set(await states(server)) != {"stays"}:
            await asyncio.sleep(0.05)
        command = [sys.executable, "manage.py", "clear", "--yes"]
        done = await asyncio.to_thread(subprocess.run, command, env=server.environment, cwd=ROOT, capture_output=True)
        assert done.returncode == 0, done.stderr
        listed = cluster.requests["list sandboxclaims"]
        await until(lambda: cluster.requests["list sandboxclaims"] > listed, WAIT_S)
        while set(await states(server)) != {"stays"}:
            await asyncio.sleep(0.05)


async def test_a_cluster_that_is_away_leaves_the_server_ready(tmp_path: Path) -> None:
    cluster = FakeCluster()
    await cluster.start()
    cluster.kubeconfig(tmp_path / "kubeconfig")
    await cluster.stop()
    async with watching(tmp_path) as server:
        async with asyncio.timeout(WAIT_S):
            while "does not answer" not in (await watcher_check(server))["detail"]:
                await asyncio.sleep(0.05)
        assert (await watcher_check(server))["status"] == "waiting"
