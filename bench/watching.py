"""The watcher: the first list of many claims, a list again, a restart, and how soon a change is on a page.

    python -m bench.watching [CLAIMS] [SECONDS]      (10,000 and 20)

An API server of this process serves recorded objects, multiplied: a claim, its Sandbox and its Pod each.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import connect

from bench.server import Server
from bench.tables import looks, quantile, table
from tests.sandboxes.fake_cluster import FakeCluster
from tests.sandboxes.recordings import watch_lines

CHANGES_PER_S = 50
WAIT_S = 600
LOOKS = 15
COPIES = 10
FIRST = 0xAB000000  # in hex no number of these is found in a time
RESOURCES = ("sandboxclaims", "sandboxes", "pods")
Objects = dict[str, list[dict[str, Any]]]


def make_objects(claims: int) -> Objects:
    """Recorded objects, as they are once ready, so many times."""
    ready: dict[str, dict[str, Any]] = {}
    for line in map(json.loads, watch_lines("quickstart-cold")):
        name = line["resource"].partition(".")[0]
        if name in RESOURCES and line["type"] in ("ADDED", "MODIFIED"):
            ready[name] = line["object"]
    uids = {name: ready[name]["metadata"]["uid"] for name in RESOURCES}
    texts = {name: json.dumps(ready[name]) for name in RESOURCES}
    claim_name = ready["sandboxclaims"]["metadata"]["name"]
    made: Objects = {name: [] for name in RESOURCES}
    for number in range(FIRST, FIRST + claims):
        for name in RESOURCES:
            text = texts[name].replace(claim_name, f"sandbox-claim-{number:08x}")
            for uid in uids.values():
                text = text.replace(uid, f"{number:08x}{uid[8:]}")
            made[name].append(json.loads(text))
            made[name][-1]["metadata"]["resourceVersion"] = str(number - FIRST + 1)
    return made


def baseline_s(objects: Objects) -> float:
    """The least that is to be done: the same JSON parsed and written, a row each."""
    texts = [orjson.dumps(value) for values in objects.values() for value in values]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        began = time.perf_counter()
        with closing(sqlite3.connect(Path(folder) / "baseline.sqlite3")) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE version (uid TEXT, resource_version TEXT, object TEXT)")
            database.execute("CREATE UNIQUE INDEX one ON version (uid, resource_version)")
            for text in texts:
                value = orjson.loads(text)
                metadata = value["metadata"]
                row = (metadata["uid"], metadata["resourceVersion"], orjson.dumps(value).decode())
                database.execute("INSERT INTO version VALUES (?, ?, ?)", row)
            database.commit()
        return time.perf_counter() - began


class Watched:
    """A server that watches the cluster, and what is in its database."""

    def __init__(self, folder: Path, cluster: FakeCluster) -> None:
        cluster.kubeconfig(folder / "kubeconfig")
        os.environ["KUBECONFIG"] = str(folder / "kubeconfig")
        self.folder = folder
        self.cluster = cluster
        self.server: Server | None = None

    async def start(self) -> Server:
        self.server = await asyncio.to_thread(Server, self.folder)
        return self.server

    def count(self, sql: str) -> int:
        with closing(sqlite3.connect(self.folder / "dashboard.sqlite3")) as database:
            number: int = database.execute(sql).fetchone()[0]
            return number

    async def until(self, sql: str, number: int) -> float:
        """Seconds until a count is reached."""
        began = time.perf_counter()
        async with asyncio.timeout(WAIT_S):
            while await asyncio.to_thread(self.count, sql) < number:
                await asyncio.sleep(0.05)
        return time.perf_counter() - began

    async def until_watched(self, times: int) -> float:
        began = time.perf_counter()
        async with asyncio.timeout(WAIT_S):
            while self.cluster.requests["watch sandboxclaims"] < times:
                await asyncio.sleep(0.01)
        return time.perf_counter() - began


CLAIMS_SQL = "SELECT count(*) FROM sandboxes_claim"
READ_SQL = "SELECT count(*) FROM sandboxes_resourceversion WHERE version <> ''"
READ_RESOURCES = 9
VERSIONS_SQL = "SELECT count(*) FROM sandboxes_objectversion"


async def first_list(watched: Watched, objects: Objects) -> None:
    """All there is, for the first time; then everything else that makes a list."""
    claims = len(objects["sandboxclaims"])
    baseline = baseline_s(objects)
    server = await watched.start()
    idle_mb = server.rss_mb()
    took = await watched.until(CLAIMS_SQL, claims)
    cpu = server.cpu_s()
    table(
        f"first list: {claims:,} claims, as many Sandboxes and Pods",
        [
            ("until all claims are there", f"{took:.1f} s"),
            ("baseline: JSON parsed and written, a row each", f"{baseline:.1f} s"),
            ("ratio to the baseline", f"{took / baseline:.1f}"),
            ("CPU of the server", f"{cpu:.1f} s"),
            ("RSS before, at most, now", f"{idle_mb:.0f}, {server.peak_mb():.0f}, {server.rss_mb():.0f} MB"),
            ("of it now its own, not the database file's", f"{server.own_mb():.0f} MB"),
        ],
    )


async def list_again(watched: Watched) -> None:
    """After 410: what is known is not written again."""
    assert watched.server
    before, cpu_s = watched.count(VERSIONS_SQL), watched.server.cpu_s()
    watching = watched.cluster.requests["watch sandboxclaims"]
    for resource in RESOURCES:
        watched.cluster.compact(resource)
    await watched.cluster.drop()
    took = await watched.until_watched(watching + 2)  # one is answered with 410
    table(
        "list again, nothing having changed",
        [
            ("until it is watched again", f"{took:.1f} s"),
            ("CPU of the server", f"{watched.server.cpu_s() - cpu_s:.1f} s"),
            ("versions written", str(watched.count(VERSIONS_SQL) - before)),
            ("RSS at most", f"{watched.server.peak_mb():.0f} MB"),
        ],
    )


async def restart(watched: Watched) -> None:
    """kill -9, and another process goes on where that one had come."""
    assert watched.server
    await watched.until(READ_SQL, READ_RESOURCES)  # what was listed is saved, and how far it was read
    watching, listed = watched.cluster.requests["watch sandboxclaims"], watched.cluster.requests["list sandboxclaims"]
    watched.server.process.kill()
    watched.server.process.wait()
    began = time.perf_counter()
    server = await watched.start()
    await watched.until_watched(watching + 1)
    table(
        "restart after kill -9",
        [
            ("until it watches", f"{time.perf_counter() - began:.1f} s"),
            ("lists of claims", str(watched.cluster.requests["list sandboxclaims"] - listed)),
            ("RSS", f"{server.rss_mb():.0f} MB"),
        ],
    )


async def changes(watched: Watched, claims: list[dict[str, Any]], seconds: float) -> None:
    """Changes of claims at a steady rate, each with the time until a page is told of it."""
    assert watched.server
    sent: dict[str, float] = {}
    waits_ms: list[float] = []
    place = f"127.0.0.1:{watched.server.pages_port}"
    cpu_s = watched.server.cpu_s()
    async with connect(f"ws://{place}/ws/live/", origin=f"http://{place}") as page:  # type: ignore[arg-type]
        await page.send(json.dumps({"op": "subscribe", "id": 1, "topic": "claims"}))

        async def listen() -> None:
            while len(waits_ms) < int(seconds * CHANGES_PER_S):
                data = json.loads(await page.recv())["data"]
                for uid in data.get("ids", []):
                    if uid in sent:
                        waits_ms.append((time.perf_counter() - sent.pop(uid)) * 1e3)

        listening = asyncio.create_task(listen())
        began = time.perf_counter()
        for number in range(int(seconds * CHANGES_PER_S)):
            await asyncio.sleep(max(0, began + number / CHANGES_PER_S - time.perf_counter()))
            claim = claims[number % len(claims)]
            claim["metadata"]["resourceVersion"] = str(watched.cluster.version + 1)
            sent[claim["metadata"]["uid"]] = time.perf_counter()
            await watched.cluster.tell("sandboxclaims", "MODIFIED", claim)
        await asyncio.wait_for(listening, 60)
    share = (watched.server.cpu_s() - cpu_s) / (time.perf_counter() - began)
    table(
        f"{CHANGES_PER_S} changes/s: from the API server to a message on the websocket",
        [
            ("p50, p99", f"{quantile(waits_ms, 0.5):.0f}, {quantile(waits_ms, 0.99):.0f} ms"),
            ("changes told", str(len(waits_ms))),
            ("messages of a page are at least apart", "250 ms"),
            ("CPU of the server", f"{share:.0%} of a core"),
        ],
    )


async def pages(watched: Watched, claims: int) -> None:
    """A claim's page and the list, over ten times as many claims."""
    assert watched.server
    watched.server.stop()
    multiply(watched.folder / "dashboard.sqlite3", claims)
    server = await watched.start()
    await asyncio.to_thread(server.settle)
    uid = f"{FIRST + claims // 2:08x}"
    with closing(sqlite3.connect(watched.folder / "dashboard.sqlite3")) as database:
        uid = database.execute("SELECT uid FROM sandboxes_claim WHERE uid LIKE ?", (uid + "%",)).fetchone()[0]
    paths = {
        "a claim": f"/claims/{uid}/",
        "the list, all": "/claims/?range=all",
        "a health check (what any request costs)": "/healthz",
    }
    rows = await asyncio.to_thread(looks, server.get, paths, LOOKS)
    table(f"pages over {watched.count(CLAIMS_SQL):,} claims: median and worst of {LOOKS}", rows)


def multiply(path: Path, claims: int) -> None:
    """Nine copies of each claim with what is around it, under other uids."""
    columns = {
        "sandboxes_claim": "uid name sandbox pod lifecycle",
        "sandboxes_objectversion": "uid name belongs_to object",
    }
    with closing(sqlite3.connect(path)) as database:
        database.create_function("renumbered", 3, _renumbered, deterministic=True)
        for table_name, told in columns.items():
            names = [row[1] for row in database.execute(f"PRAGMA table_info({table_name})") if row[1] != "id"]
            values = [f"renumbered({name}, uid, ?)" if name in told.split() else name for name in names]
            last_id = database.execute(f"SELECT max(id) FROM {table_name}").fetchone()[0]
            for copy in range(1, COPIES):
                database.execute(
                    f"INSERT INTO {table_name} ({','.join(names)}) SELECT {','.join(values)} FROM {table_name}"
                    " WHERE id <= ?",
                    (*[copy * claims] * len(told.split()), last_id),
                )
        database.commit()


def _renumbered(text: str, uid: str, by: int) -> str:
    """A text that names the claim of that uid by its number, or what is part of it."""
    return text.replace(uid[:8], f"{int(uid[:8], 16) + by:08x}")


async def main(claims: int, seconds: float) -> None:
    objects = make_objects(claims)
    cluster = FakeCluster()
    for name, values in objects.items():
        for value in values:
            cluster.put(name, value)
    await cluster.start()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        watched = Watched(Path(folder), cluster)
        try:
            await first_list(watched, objects)
            await list_again(watched)
            await restart(watched)
            await changes(watched, objects["sandboxclaims"], seconds)
            await pages(watched, claims)
        finally:
            if watched.server:
                watched.server.stop()
            await cluster.stop()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(int(given[0]) if given else 10_000, float(given[1]) if len(given) > 1 else 20))
