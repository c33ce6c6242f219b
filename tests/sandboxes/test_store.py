"""Changes of a cluster become versions and claims, each once, in whatever order and portions they come."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector.writer import Committed
from sandboxes.models import Claim, Cluster, ObjectVersion
from sandboxes.recorded import Recording, read_changes
from sandboxes.records import Change, ChangeType, Clock, ClusterIdentity, Kind, Milestone, Moment
from sandboxes.store import IMPORTED, add_client, keep, look_again, save_changes
from sandboxes.surroundings import around, around_all
from tests.sandboxes.recordings import SCENARIOS, truth, watch_lines

pytestmark = pytest.mark.django_db

LIVE = ClusterIdentity("7f7f", "kind-dev")


def changes_of(scenario: str) -> list[Change]:
    return list(read_changes(watch_lines(scenario)))


def stories() -> dict[str, Any]:
    return {claim.uid: claim.lifecycle for claim in Claim.objects.all()}


def made(kind: str, uid: str, version: str = "1", how: ChangeType = ChangeType.ADDED, **members: Any) -> Change:
    """A change of a small object, received at the second its version names."""
    group = {"Pod": "v1", "Event": "v1", "Sandbox": "agents.x-k8s.io/v1"}.get(kind, "extensions.agents.x-k8s.io/v1")
    metadata = {"uid": uid, "name": f"name-{uid}", "namespace": "default", "resourceVersion": version}
    metadata["creationTimestamp"] = "1970-01-01T00:00:01Z"
    value = {"apiVersion": group, "kind": kind, "metadata": metadata | members.pop("metadata", {}), **members}
    return Change(how, Kind(kind), int(version) * 10**9, value)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_claims_of_a_recording_are_as_they_were(scenario: str) -> None:
    save_changes(IMPORTED, changes_of(scenario))
    for item in truth(scenario)["claims"]:
        if not item.get("uid"):
            continue
        claim = Claim.objects.get(uid=item["uid"])
        assert (claim.name, claim.namespace) == (item["name"], item["namespace"])
        assert item.get("sandbox") in (claim.sandbox, None)
        assert claim.start_type == (item.get("start_type") or "unknown")
        assert item.get("node") in (claim.node, None)


@pytest.mark.parametrize("scenario", ["traced-warm", "api-outage"])
def test_portions_and_their_order_do_not_matter(scenario: str) -> None:
    changes = changes_of(scenario)
    save_changes(IMPORTED, changes)
    whole = stories()
    ObjectVersion.objects.all().delete()
    Claim.objects.all().delete()
    shuffled = random.Random(4).sample(changes, len(changes))
    # What was met twice is told by what came first; here that is chance.
    first = {(c.uid, c.metadata["resourceVersion"], c.type): c for c in reversed(changes)}
    shuffled = [first[c.uid, c.metadata["resourceVersion"], c.type] for c in shuffled]
    for position in range(0, len(shuffled), 37):
        save_changes(IMPORTED, shuffled[position : position + 37])
    assert stories() == whole


def test_saving_again_changes_nothing() -> None:
    changes = changes_of("failures")
    assert save_changes(IMPORTED, changes).new == ObjectVersion.objects.count() > 0
    before = list(Claim.objects.order_by("uid").values())
    assert save_changes(IMPORTED, changes).new == 0
    assert list(Claim.objects.order_by("uid").values()) == before


def test_a_new_list_of_what_is_known_writes_nothing() -> None:
    save_changes(LIVE, [made("SandboxClaim", "a", "1"), made("SandboxClaim", "a", "2", ChangeType.MODIFIED)])
    kept = save_changes(LIVE, [made("SandboxClaim", "a", "2", ChangeType.LISTED)])
    assert (kept.new, kept.claims) == (0, frozenset())


def test_what_a_watch_says_of_a_listed_version_is_kept_as_well() -> None:
    save_changes(LIVE, [made("SandboxClaim", "a", "1", ChangeType.LISTED)])
    assert save_changes(LIVE, [made("SandboxClaim", "a", "1", ChangeType.ADDED)]).new == 1


def test_an_event_about_a_pod_retells_its_claim_and_no_other() -> None:
    everything = changes_of("traced-warm")
    late = next(c for c in everything if c.kind == Kind.EVENT and c.object["reason"] == "Scheduled")
    regarded = late.object.get("involvedObject") or late.object["regarding"]
    save_changes(IMPORTED, [change for change in everything if change.uid != late.uid])
    kept = save_changes(IMPORTED, [late])
    uids = {item["uid"] for item in truth("traced-warm")["claims"] if regarded["uid"] in (item["pod_uids"] or [])}
    assert kept.claims == uids


def test_open_pages_are_told_which_claims_and_pools_changed() -> None:
    committed = Committed()
    keep(LIVE, [made("SandboxClaim", "a"), made("SandboxWarmPool", "p"), made("SandboxTemplate", "t")], committed)
    assert committed.changed == {"claims": {"a"}, "pools": {"p", "t"}}


def test_a_claim_that_waits_is_read_again_when_its_pool_comes() -> None:
    claim = made("SandboxClaim", "a", spec={"warmPoolRef": {"name": "name-p"}})
    save_changes(LIVE, [claim, made("SandboxClaim", "b", spec={"warmPoolRef": {"name": "other"}})])
    assert save_changes(LIVE, [made("SandboxWarmPool", "p", "2")]).claims == {"a"}


def test_a_reused_name_is_another_claim() -> None:
    save_changes(IMPORTED, changes_of("failures"))
    assert Claim.objects.filter(name="nightly-report").count() == 2


def test_two_clusters_with_the_same_names_are_two_clusters() -> None:
    pool = made("SandboxWarmPool", "p", metadata={"name": "pool"}, spec={"sandboxTemplateRef": {"name": "theirs"}})
    save_changes(ClusterIdentity("other", "kind-other"), [pool])
    save_changes(LIVE, [made("SandboxClaim", "a", "2", spec={"warmPoolRef": {"name": "pool"}})])
    claim = Claim.objects.get()
    assert (claim.cluster.name, claim.template) == ("kind-dev", "")
    assert Cluster.objects.count() == 2


def test_what_was_imported_goes_over_to_its_cluster_once_that_is_watched() -> None:
    save_changes(IMPORTED, [made("SandboxClaim", "a", "1")])
    save_changes(LIVE, [made("SandboxClaim", "a", "2", ChangeType.DELETED)])
    save_changes(IMPORTED, [made("SandboxClaim", "a", "3", ChangeType.LISTED)])
    claim = Claim.objects.get()
    assert claim.cluster.uid == LIVE.uid
    assert claim.created_ns is not None


def test_what_only_the_client_knew_survives_later_changes() -> None:
    save_changes(LIVE, [made("SandboxClaim", "a", "1")])
    moment = Moment(Milestone.CLIENT_READY, 5 * 10**9, 5 * 10**9, 5 * 10**9, Clock.CLIENT, 1, "span wait")
    add_client({"a": (moment, None), "gone": (None, None)}, Committed())
    save_changes(LIVE, [made("SandboxClaim", "a", "2", ChangeType.MODIFIED)])
    told = {moment["source"]: moment["milestone"] for moment in Claim.objects.get().lifecycle["moments"]}
    assert told["span wait"] == "client ready"


def test_the_pools_there_are_go_with_a_claim_whose_pool_is_not_there() -> None:
    claim = made("SandboxClaim", "a", "9", spec={"warmPoolRef": {"name": "none-of-them"}})
    elsewhere = made("SandboxWarmPool", "e", "3", metadata={"namespace": "elsewhere"})
    save_changes(LIVE, [made("SandboxWarmPool", "p"), made("SandboxWarmPool", "p", "2"), elsewhere, claim])
    found = around(Cluster.objects.values_list("pk", flat=True), "a")
    pools = [(change.uid, change.metadata["resourceVersion"]) for change in found if change.kind == Kind.POOL]
    assert pools == [("p", "2")]


def test_a_claim_that_waits_too_long_is_stuck_though_nothing_happens() -> None:
    claim = made("SandboxClaim", "a", spec={"warmPoolRef": {"name": "name-p"}})
    save_changes(LIVE, [made("SandboxWarmPool", "p"), claim])
    assert Claim.objects.get().state == "starting"
    committed = Committed()
    assert look_again(LIVE, committed) == 1
    assert Claim.objects.get().state == "stuck"
    assert committed.changed == {"claims": {"a"}}
    assert look_again(LIVE, Committed()) == 0


def test_a_name_of_any_length_is_taken() -> None:
    # Random, so that PostgreSQL cannot make it fit by packing it.
    long = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))
    save_changes(LIVE, [made("SandboxClaim", "a", spec={"warmPoolRef": {"name": long}})])
    assert Claim.objects.get().pool == long[:253]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about SQLite's planner, which counts nothing")
def test_what_is_around_a_claim_is_found_by_what_is_rare() -> None:
    save_changes(LIVE, changes_of("traced-warm"))
    uids = list(Claim.objects.values_list("uid", flat=True))
    with CaptureQueriesContext(connection) as captured:
        assert len(around_all(Cluster.objects.values_list("pk", flat=True), uids)) == len(uids)
    queries = [query["sql"] for query in captured if "sandboxes_objectversion" in query["sql"]]
    with connection.cursor() as cursor:
        plans = [cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in queries]
    steps = [row[3] for plan in plans for row in plan if "sandboxes_objectversion" in row[3]]
    assert len(queries) <= 9
    assert [step for step in steps if not re.search(r"SEARCH .*\((uid|belongs_to|namespace)=\?", step)] == []


ODD: list[Any] = [None, 7, [], {}, "\x00", "\ud800", 2**70, [{"type": 3}, None], {"a": float("nan")}, {"name": ["x"]}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", ["SandboxClaim", "Sandbox", "Pod", "Event", "SandboxWarmPool"])
def test_no_object_however_odd_is_too_much(kind: str, odd: Any) -> None:
    recording = Recording(now_ns=10**9)
    group = {"Pod": "v1", "Event": "v1", "Sandbox": "agents.x-k8s.io/v1"}.get(kind, "extensions.agents.x-k8s.io/v1")
    value = {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"uid": "x", "name": "x", "labels": odd, "ownerReferences": odd, "annotations": {"a": odd}},
        "spec": {"warmPoolRef": odd, "sandboxTemplateRef": odd},
        "status": {"conditions": odd, "sandbox": odd},
        **({"regarding": {"kind": "SandboxClaim", "uid": odd}} if kind == "Event" else {}),
        **({"metadata": {"uid": "x", "labels": {"agents.x-k8s.io/sandbox-name-hash": odd}}} if kind == "Pod" else {}),
        "message": odd,
    }
    deep: Any = "bottom"
    for _ in range(400):
        deep = [deep]
    changes = [change for each in (value, {**value, "deep": deep}) for change in recording.read(each)]
    claim = made("SandboxClaim", "claim", spec={"warmPoolRef": {"name": "x"}})
    save_changes(LIVE, [claim, *changes])
    assert ObjectVersion.objects.filter(uid="x").count() == 1
    assert Claim.objects.filter(uid="claim").exists()
