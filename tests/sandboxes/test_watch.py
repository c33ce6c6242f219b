"""The watcher against an API server on real sockets: nothing is lost, whatever becomes of the cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collector.writer import Unavailable
from sandboxes.cluster.errors import Expired, error_of
from sandboxes.recorded import read_changes
from sandboxes.records import Change, ChangeType, ClusterIdentity, Kind
from sandboxes.watch import Watcher
from sandboxes.watch.keeping import Reached, Remembered
from sandboxes.watch.lease import Heard, Say
from sandboxes.watch.timing import Timing
from tests.sandboxes.fake_cluster import FakeCluster, until
from tests.sandboxes.recordings import watch_lines

QUICK = Timing(first_wait_s=0.01, longest_wait_s=0.05, gap_wait_s=0.05, look_s=0.02, lasting_s=0.05)
EVENTS = "events.events.k8s.io"
CLAIMS_PATH = "/apis/extensions.agents.x-k8s.io/v1beta1/sandboxclaims"
ODD_POD = {"kind": "Pod", "uid": ["x"]}


class Alone:
    """No other process is there."""

    async def take(self, hear: Heard) -> None:
        pass

    async def hold(self, say: Say) -> None:
        await asyncio.Event().wait()

    async def leave(self) -> None:
        pass


class Kept:
    """Takes the place of the database."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.clusters: list[ClusterIdentity] = []
        self.known: list[Change] = []
        self.known_versions: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.order: list[str] = []  # of claims: what was saved, and where that had come
        self.unavailable = 0
        self.looked_again = 0
        self.cleared = False

    async def save(self, cluster: ClusterIdentity, changes: Sequence[Change], reached: Sequence[Reached]) -> None:
        if self.unavailable:
            self.unavailable -= 1
            raise Unavailable("the disk is full")
        self.clusters += [cluster for _ in changes]
        self.changes += changes
        self.order += [change.uid for change in changes if change.kind == Kind.CLAIM]
        self.order += [each.version for each in reached if each.resource == CLAIMS_PATH]
        self.versions |= {each.resource.rpartition("/")[2]: each.version for each in reached}

    async def remember(self, cluster: ClusterIdentity) -> Remembered:
        return Remembered(self.known, 7, self.known_versions)

    def elect(self, name: str) -> Alone:
        return Alone()

    async def look_again(self, cluster: ClusterIdentity) -> int | None:
        self.looked_again += 1
        return None if self.cleared else 0

    def told(self, kind: str = "SandboxClaim") -> list[tuple[str, str]]:
        return [(change.type.value, change.uid) for change in self.changes if change.kind == kind]


@pytest.fixture
async def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeCluster]:
    cluster = FakeCluster()
    await cluster.start()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    cluster.kubeconfig(tmp_path / "config")
    yield cluster
    await cluster.stop()


@asynccontextmanager
async def watching(kept: Kept, *namespaces: str) -> AsyncIterator[Watcher]:
    watcher = Watcher(kept, QUICK)
    watcher.start("", namespaces)
    try:
        yield watcher
    finally:
        await watcher.stop()
    assert watcher.state.status == "off"


async def all_watched(cluster: FakeCluster, times: int = 1) -> None:
    await until(lambda: cluster.requests["watch sandboxclaims"] >= times and cluster.requests["watch pods"] >= times)


def claim(uid: str, version: int = 1) -> dict[str, Any]:
    metadata = {"uid": uid, "name": uid, "namespace": "default", "resourceVersion": str(version)}
    return {"apiVersion": "extensions.agents.x-k8s.io/v1beta1", "kind": "SandboxClaim", "metadata": metadata}


def pod(uid: str, version: int, *, ours: bool = True) -> dict[str, Any]:
    labels = {"agents.x-k8s.io/sandbox-name-hash": "1"} if ours else {}
    metadata = {"uid": uid, "name": uid, "namespace": "default", "resourceVersion": str(version), "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def event(uid: str, version: int, kind: str, about: str) -> dict[str, Any]:
    metadata = {"uid": uid, "name": uid, "namespace": "default", "resourceVersion": str(version)}
    return {"kind": "Event", "metadata": metadata, "regarding": {"kind": kind, "uid": about}}


async def replay(cluster: FakeCluster, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        name = "events" if line["resource"] == EVENTS else line["resource"]
        if line["type"] in ("ADDED", "MODIFIED", "DELETED") and line["resource"] != "events":
            await cluster.tell(name, line["type"], line["object"])


def identities(changes: Sequence[Change]) -> set[tuple[str, str, str]]:
    return {(change.type.value, change.uid, change.metadata["resourceVersion"]) for change in changes}


async def test_a_recorded_session_is_kept_whole(cluster: FakeCluster) -> None:
    kept = Kept()
    lines = [json.loads(line) for line in watch_lines("traced-warm")]
    begin = [line for line in lines if line.get("from_list")]
    await replay(cluster, begin)
    async with watching(kept):
        await until(lambda: cluster.requests["watch events"] == 4)
        await all_watched(cluster)
        await replay(cluster, [line for line in lines if not line.get("from_list")])
        expected = identities(list(read_changes(watch_lines("traced-warm"))))
        await until(lambda: identities(kept.changes) >= expected)
    assert identities(kept.changes) == expected
    assert {each.uid for each in kept.clusters} == {"cluster-1"}


async def test_what_happened_in_an_outage_is_told_afterwards(cluster: FakeCluster) -> None:
    kept = Kept()
    await cluster.tell("sandboxclaims", "ADDED", claim("stays", 101))
    await cluster.tell("sandboxclaims", "ADDED", claim("goes", 102))
    async with watching(kept) as watcher:
        await all_watched(cluster)
        await cluster.stop()
        await until(lambda: watcher.state.troubles)
        assert "Connect" in watcher.state.sentence or "broke off" in watcher.state.sentence
        await cluster.tell("sandboxclaims", "DELETED", claim("goes", 103))
        await cluster.tell("sandboxclaims", "ADDED", claim("comes", 104))
        cluster.compact("sandboxclaims")
        await cluster.start()
        await until(lambda: ("GONE", "goes") in kept.told() and ("LISTED", "comes") in kept.told())
        await until(lambda: not watcher.state.troubles)
    gone = next(change for change in kept.changes if change.type == "GONE")
    assert gone.after_ns is not None
    assert gone.after_ns < gone.received_ns
    assert kept.told().count(("GONE", "stays")) == 0


async def test_a_dropped_watch_goes_on_where_it_was_without_a_new_list(cluster: FakeCluster) -> None:
    kept = Kept()
    async with watching(kept):
        await all_watched(cluster)
        await cluster.tell("sandboxclaims", "ADDED", claim("a", 110))
        await until(lambda: kept.told() == [("ADDED", "a")])
        await cluster.drop()
        await cluster.tell("sandboxclaims", "MODIFIED", claim("a", 120))
        await until(lambda: len(kept.told()) == 2)
    assert kept.told() == [("ADDED", "a"), ("MODIFIED", "a")]
    assert cluster.requests["list sandboxclaims"] == 1


async def test_a_bookmark_moves_the_place_to_go_on_from(cluster: FakeCluster) -> None:
    kept = Kept()
    async with watching(kept):
        await all_watched(cluster)
        await cluster.bookmark("sandboxclaims")
        marked = cluster.version
        unversioned = claim("a")
        del unversioned["metadata"]["resourceVersion"]  # tells that the bookmark before it was read, and nothing else
        await cluster._send("sandboxclaims", {"type": "ADDED", "object": unversioned})
        await until(lambda: kept.told())
        await cluster.drop()
        await all_watched(cluster, 2)
    watches = [query for path, query in cluster.queries if path.endswith("sandboxclaims") and "watch" in query]
    assert {watch["allowWatchBookmarks"] for watch in watches} == {"true"}
    assert watches[-1]["resourceVersion"] == str(marked)


async def test_410_brings_a_new_list_that_closes_what_is_gone(cluster: FakeCluster) -> None:
    kept = Kept()
    await cluster.tell("sandboxclaims", "ADDED", claim("a", 101))
    async with watching(kept):
        await all_watched(cluster)
        cluster._objects["sandboxclaims"].clear()
        cluster.compact("sandboxclaims")
        await cluster.drop()
        await until(lambda: ("GONE", "a") in kept.told())
    assert kept.told() == [("LISTED", "a"), ("GONE", "a")]
    assert cluster.requests["list pods"] == 1


async def test_what_is_not_allowed_is_named_and_the_rest_works(cluster: FakeCluster) -> None:
    kept = Kept()
    cluster.forbidden = {"pods", "namespaces"}
    await cluster.tell("sandboxclaims", "ADDED", claim("a", 101))
    async with watching(kept) as watcher:
        await until(lambda: kept.told() and watcher.state.gaps)
        assert list(watcher.state.gaps) == ["pods in all namespaces"]
        assert "pods is forbidden" in watcher.state.sentence
        assert watcher.state.status == "ok"
        cluster.forbidden = set()
        await until(lambda: cluster.requests["watch pods"])
        await until(lambda: not watcher.state.gaps)
    assert kept.clusters[0].uid != "cluster-1"  # nobody may see kube-system: told by its address


async def test_only_the_namespaces_of_the_settings_are_asked_for(cluster: FakeCluster) -> None:
    async with watching(Kept(), "team-a", "team-b"):
        await until(lambda: cluster.requests["watch pods"] == 2)
    assert all("/namespaces/team-" in path for path, _ in cluster.queries)


async def test_credentials_that_expire_are_read_again(cluster: FakeCluster, tmp_path: Path) -> None:
    kept = Kept()
    async with watching(kept):
        await all_watched(cluster)
        cluster.token = "renewed"
        cluster.kubeconfig(tmp_path / "config", token="renewed")
        await cluster.drop()
        await cluster.tell("sandboxclaims", "ADDED", claim("a", 110))
        await until(lambda: kept.told() == [("ADDED", "a")])


async def test_a_cluster_of_old_is_asked_for_the_version_it_has(cluster: FakeCluster) -> None:
    cluster.versions = ["v1alpha1"]
    async with watching(Kept()) as watcher:
        await all_watched(cluster)
        assert watcher.state.cluster is not None
        assert watcher.state.cluster.api_version == "v1alpha1"
    assert ("/apis/extensions.agents.x-k8s.io/v1alpha1/sandboxclaims") in {path for path, _ in cluster.queries}


async def test_a_cluster_that_cannot_select_events_is_asked_by_the_core_api(cluster: FakeCluster) -> None:
    cluster.refuse_selectors_of = {"events.k8s.io"}
    async with watching(Kept()) as watcher:
        await until(lambda: cluster.requests["watch events"] == 4)
        assert watcher.state.gaps == {}
    selectors = {query["fieldSelector"] for path, query in cluster.queries if path == "/api/v1/events"}
    assert "involvedObject.kind=SandboxClaim" in selectors


async def test_without_agent_sandbox_it_waits_until_it_is_installed(cluster: FakeCluster) -> None:
    cluster.versions = []
    async with watching(Kept()) as watcher:
        await until(lambda: watcher.state.status == "waiting")
        assert "no Agent Sandbox" in watcher.state.sentence
        cluster.versions = ["v1beta1"]
        await all_watched(cluster)


async def test_without_a_kubeconfig_it_waits_until_there_is_one(cluster: FakeCluster, tmp_path: Path) -> None:
    (tmp_path / "config").unlink()
    async with watching(Kept()) as watcher:
        await until(lambda: watcher.state.status == "waiting")
        assert f"no kubeconfig was found at {tmp_path / 'config'} (KUBECONFIG)" in watcher.state.sentence
        (tmp_path / "config").write_text("{ half writ")
        await until(lambda: "cannot be used" in watcher.state.sentence)
        cluster.kubeconfig(tmp_path / "config")
        await all_watched(cluster)
        await until(lambda: watcher.state.status == "ok")


async def test_a_context_that_leads_elsewhere_is_followed_and_closes_nothing(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    kept, other = Kept(), FakeCluster("cluster-2")
    await cluster.tell("sandboxclaims", "ADDED", claim("a", 101))
    await other.start()
    try:
        async with watching(kept):
            await all_watched(cluster)
            await other.tell("sandboxclaims", "ADDED", claim("b", 101))
            other.kubeconfig(tmp_path / "config")
            await until(lambda: ("LISTED", "b") in kept.told())
    finally:
        await other.stop()
    assert kept.told() == [("LISTED", "a"), ("LISTED", "b")]
    assert [each.uid for each in kept.clusters] == ["cluster-1", "cluster-2"]


async def test_claims_that_went_while_the_dashboard_was_down_are_gone(cluster: FakeCluster) -> None:
    kept = Kept()
    kept.known = [change for change in read_changes(watch_lines("quickstart-cold")) if change.kind == "SandboxClaim"][
        :1
    ]
    async with watching(kept):
        await until(lambda: kept.told())
    assert [(change.type.value, change.after_ns) for change in kept.changes] == [("GONE", 7)]


async def test_claims_that_wait_are_looked_at_again_though_nothing_happens(cluster: FakeCluster) -> None:
    kept = Kept()
    async with watching(kept):
        await until(lambda: kept.looked_again > 1)


async def test_after_a_clear_what_is_there_is_listed_anew(cluster: FakeCluster) -> None:
    kept = Kept()
    await cluster.tell("sandboxclaims", "ADDED", claim("a", 101))
    async with watching(kept):
        await until(lambda: kept.told() == [("LISTED", "a")])
        kept.cleared = True
        await until(lambda: len(kept.told()) > 1)
        kept.cleared = False
    assert set(kept.told()) == {("LISTED", "a")}


async def test_a_long_list_is_read_in_pages(cluster: FakeCluster) -> None:
    kept, cluster.page_items = Kept(), 10
    for number in range(25):
        await cluster.tell("sandboxclaims", "ADDED", claim(f"c{number}", 101 + number))
    async with watching(kept):
        await all_watched(cluster)
        await until(lambda: len(kept.told()) == 25)
    assert cluster.requests["list sandboxclaims"] == 3


async def test_events_about_others_pods_are_left_out_and_early_ones_wait_for_their_pod(cluster: FakeCluster) -> None:
    kept = Kept()
    async with watching(kept):
        await until(lambda: cluster.requests["watch events"] == 4)
        await all_watched(cluster)
        await cluster.tell("events", "ADDED", event("theirs", 110, "Pod", "web-1"))
        await cluster.tell("events", "ADDED", event("early", 111, "Pod", "ours"))
        await cluster.tell("events", "ADDED", event("node", 112, "Node", "n"))
        await cluster.tell("events", "ADDED", event("claims", 113, "SandboxClaim", "a"))
        await until(lambda: kept.told("Event") == [("ADDED", "claims")])
        await cluster.tell("pods", "ADDED", pod("web-1", 114, ours=False))
        await cluster.tell("pods", "ADDED", pod("ours", 115))
        await until(lambda: kept.told("Pod"))
    assert kept.told("Event") == [("ADDED", "claims"), ("ADDED", "early")]
    assert kept.told("Pod") == [("ADDED", "ours")]


async def test_events_listed_among_many_of_others_are_kept(cluster: FakeCluster) -> None:
    kept = Kept()
    await cluster.tell("events", "ADDED", event("ours", 110, "Pod", "ours"))
    for number in range(1_500):
        await cluster.tell("events", "ADDED", event(f"e{number}", 111 + number, "Pod", f"web-{number}"))
    await cluster.tell("pods", "ADDED", pod("ours", 5_000))
    async with watching(kept):
        await until(lambda: kept.told("Event"))
    assert kept.told("Event") == [("LISTED", "ours")]


async def test_nothing_is_lost_while_the_database_cannot_be_written(cluster: FakeCluster) -> None:
    kept = Kept()
    kept.unavailable = 3
    await cluster.tell("sandboxclaims", "ADDED", claim("a", 101))
    async with watching(kept):
        await until(lambda: kept.told() == [("LISTED", "a")])
    assert kept.unavailable == 0


async def test_objects_that_are_none_stop_nothing(cluster: FakeCluster) -> None:
    kept = Kept()
    async with watching(kept):
        await all_watched(cluster)
        await cluster._send("sandboxclaims", {"type": "ADDED", "object": {"metadata": 5}})
        await cluster._send("sandboxclaims", {"type": "ADDED", "object": None})
        await cluster._send("sandboxclaims", {"type": 3})
        await cluster._send("events", {"type": "ADDED", "object": {**event("e", 1, "Pod", "x"), "regarding": ODD_POD}})
        await cluster.tell("sandboxclaims", "ADDED", claim("a", 110))
        await until(lambda: kept.told() == [("ADDED", "a")])


async def test_it_goes_on_where_an_earlier_watcher_had_come(cluster: FakeCluster) -> None:
    kept = Kept()
    await cluster.tell("sandboxclaims", "ADDED", claim("a", 200))
    async with watching(kept):
        await all_watched(cluster)
        await until(lambda: "sandboxclaims" in kept.versions and kept.versions["sandboxclaims"] == "200")
    await cluster.tell("sandboxclaims", "ADDED", claim("short", 201))
    await cluster.tell("sandboxclaims", "DELETED", claim("short", 202))
    listed = cluster.requests["list sandboxclaims"]
    later = Kept()
    later.known_versions = {CLAIMS_PATH: kept.versions["sandboxclaims"]}
    async with watching(later):
        await until(lambda: len(later.told()) == 2)
    assert later.told() == [("ADDED", "short"), ("DELETED", "short")]
    assert cluster.requests["list sandboxclaims"] == listed


async def test_where_the_past_is_forgotten_it_lists_and_notices_what_went(cluster: FakeCluster) -> None:
    kept = Kept()
    kept.known = [Change(ChangeType.LISTED, Kind.CLAIM, 7, claim("gone"))]
    kept.known_versions = {CLAIMS_PATH: "50"}
    cluster.compact("sandboxclaims")
    async with watching(kept):
        await until(kept.told)
    assert kept.told() == [("GONE", "gone")]
    assert kept.changes[0].after_ns == 7


async def test_a_list_counts_as_read_only_once_it_is_whole(cluster: FakeCluster) -> None:
    kept = Kept()
    cluster.page_items = 1
    for number in range(3):
        await cluster.tell("sandboxclaims", "ADDED", claim(f"c{number}", 200 + number))
    async with watching(kept):
        await until(lambda: kept.versions.get("sandboxclaims"))
    order = [each for each in kept.order if each in ("", "202") or each.startswith("c")]
    assert order == ["", "c0", "c1", "c2", "202"]


def test_a_server_put_back_to_an_earlier_time_is_listed_anew() -> None:
    message = b'{"message": "Timeout: Too large resource version: 9, current: 5"}'
    assert isinstance(error_of(504, message, "a watch", "1"), Expired)
    assert not isinstance(error_of(504, b'{"message": "Timeout"}', "a watch", "1"), Expired)
