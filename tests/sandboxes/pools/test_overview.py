"""Pools and templates as they are put together from what was stored: recorded sessions, and what can be odd."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from collector.writer import Committed
from sandboxes.models import BLUEPRINTS, Claim
from sandboxes.pools import Pool, PoolState, overview, reading
from sandboxes.questions import ClaimFilter
from sandboxes.records import MS, SECOND, Change, ChangeType, ClusterIdentity, Kind, StartType
from sandboxes.store import IMPORTED, keep
from tests.factories import T0_NS
from tests.sandboxes.loading import LAB, changes_of, load

pytestmark = pytest.mark.django_db

OTHER = ClusterIdentity("other-uid", "other")


def pools(**filters: Any) -> dict[str, Pool]:
    return {pool.key.name: pool for pool in overview(ClaimFilter(**filters)).pools}


def tell(
    kind: Kind, name: str, how: ChangeType = ChangeType.ADDED, at_ns: int = T0_NS, cluster: ClusterIdentity = LAB,
    uid: str = "", **members: Any,
) -> None:  # fmt: skip
    """Something happens to a pool or a template."""
    metadata = {"uid": uid or f"uid-{name}", "name": name, "namespace": "default", "resourceVersion": str(at_ns)}
    keep(cluster, [Change(how, kind, at_ns, {"metadata": metadata, **members})], Committed())


def pool(name: str, *, replicas: Any = 2, ready: Any = 2, template: str = "template", **options: Any) -> None:
    spec = {"replicas": replicas, "sandboxTemplateRef": {"name": template}}
    tell(Kind.POOL, name, spec=spec, status={"readyReplicas": ready, "replicas": ready}, **options)


def test_a_drained_burst_says_when_the_pool_was_empty_and_who_waited() -> None:
    load("burst-drained")
    found = pools()["simple-sandbox-pool"]
    assert found.state is PoolState.READY
    assert (found.ready, found.desired) == (3, 3)
    figures = found.figures
    assert (figures.claims, figures.served, figures.warm, figures.cold) == (20, 20, 3, 17)
    assert figures.hit_rate == 0.15
    assert figures.spreads[StartType.WARM].p50_ns < SECOND < figures.spreads[StartType.COLD].p50_ns
    (drain,) = found.drains
    assert 1_000 * MS < drain.duration_ns < 1_100 * MS
    assert len(drain.waiting) == 17
    assert not drain.from_claims


def test_a_pool_that_fills_is_not_drained_and_one_that_keeps_none_never_is() -> None:
    load("kubectl-made")
    found = pools()
    assert found["simple-sandbox-pool"].state is PoolState.COLD
    assert found["simple-sandbox-pool"].drains == ()
    assert [drain.duration_ns // (100 * MS) for drain in found["warm-pool"].drains] == [10]  # and not as it filled


def test_a_missing_template_and_a_missing_pool_are_named() -> None:
    load("failures")
    found = pools()
    assert found["orphan-pool"].state is PoolState.NO_TEMPLATE
    assert found["orphan-pool"].template == "missing-template"
    assert found["no-such-pool"].state is PoolState.MISSING
    templates = {each.key.name: each for each in overview(ClaimFilter()).templates}
    assert not templates["missing-template"].is_there
    assert templates["missing-template"].pools == ("orphan-pool",)
    assert templates["huge-template"].image.startswith("registry.k8s.io/")


def test_an_unused_template_has_no_pools() -> None:
    pool("pool")
    tell(Kind.TEMPLATE, "template", spec={})
    tell(Kind.TEMPLATE, "spare", spec={})
    assert {each.key.name: each.pools for each in overview(ClaimFilter()).templates} == {
        "template": ("pool",),
        "spare": (),
    }


@pytest.mark.parametrize(
    ("replicas", "ready", "state"),
    [(2, 2, PoolState.READY), (2, 1, PoolState.FILLING), (0, 0, PoolState.COLD), (3, 5, PoolState.READY)],
)
def test_a_pools_state_follows_its_counts(replicas: int, ready: int, state: PoolState) -> None:
    pool("pool", replicas=replicas, ready=ready)
    tell(Kind.TEMPLATE, "template", spec={})
    assert pools()["pool"].state is state


def test_a_pool_that_fell_to_none_is_drained_while_it_is_watched() -> None:
    tell(Kind.TEMPLATE, "template", spec={})
    pool("pool", ready=2)
    pool("pool", ready=0, how=ChangeType.MODIFIED, at_ns=T0_NS + SECOND)
    (found,) = overview(ClaimFilter(), lambda cluster: cluster.uid == LAB.uid).pools
    assert found.state is PoolState.DRAINED
    assert found.drains[0].is_open


def test_a_pool_that_never_had_any_ready_is_filling() -> None:
    tell(Kind.TEMPLATE, "template", spec={})
    pool("pool", ready=0)
    assert overview(ClaimFilter(), lambda cluster: True).pools[0].state is PoolState.FILLING


def test_a_deleted_pool_stays_while_it_matters_to_the_range() -> None:
    pool("pool")
    pool("pool", how=ChangeType.DELETED, at_ns=T0_NS + SECOND)
    assert pools()["pool"].state is PoolState.DELETED
    assert pools(from_ns=T0_NS + 100 * SECOND) == {}


def test_a_pool_made_again_is_one_row() -> None:
    pool("pool", uid="first")
    pool("pool", uid="first", how=ChangeType.DELETED, at_ns=T0_NS + SECOND)
    pool("pool", uid="second", replicas=7, at_ns=T0_NS + 2 * SECOND)
    assert pools()["pool"].desired == 7


def test_what_came_late_changes_nothing_about_now() -> None:
    pool("pool", replicas=5, at_ns=T0_NS + SECOND)
    pool("pool", replicas=1, at_ns=T0_NS)
    assert pools()["pool"].desired == 5


def test_two_clusters_have_rows_of_their_own() -> None:
    pool("pool", replicas=1)
    pool("pool", replicas=9, cluster=OTHER, uid="elsewhere")
    found = overview(ClaimFilter()).pools
    assert [(each.cluster, each.desired) for each in found] == [("lab-cluster", 1), ("other", 9)]
    assert [each.desired for each in overview(ClaimFilter(cluster="other")).pools] == [9]


def test_claims_of_a_live_cluster_count_for_the_imported_pool() -> None:
    changes = changes_of("traced-warm")
    kinds = (Kind.POOL, Kind.TEMPLATE)
    keep(IMPORTED, [change for change in changes if change.kind in kinds], Committed())
    keep(LAB, [change for change in changes if change.kind not in kinds], Committed())
    (found,) = overview(ClaimFilter()).pools
    assert found.figures.claims == Claim.objects.count() > 0
    assert found.figures.warm == found.figures.claims


def test_a_complaint_of_the_controller_stands_until_it_is_taken_back() -> None:
    pool("pool")
    regarding = {"kind": "SandboxWarmPool", "uid": "uid-pool"}
    for number, reason in enumerate(("WarmPoolNotProgressing", "WarmPoolProgressing")):
        note = f"words {number}"
        tell(Kind.EVENT, f"event-{number}", at_ns=T0_NS + number, regarding=regarding, reason=reason, note=note)
        assert pools()["pool"].complaint == ("" if number else "words 0")


@pytest.mark.parametrize("replicas", ["many", -1, 2**70, None, True, [1]])
def test_a_strangers_counts_are_unknown_when_they_are_none(replicas: object) -> None:
    pool("pool", replicas=replicas, ready=replicas)
    found = pools()["pool"]
    assert (found.desired, found.ready) == (None, 0)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"pool": "a"}, {"a"}),
        ({"q": "B-TEMPL"}, {"b"}),
        ({"template": "a-template"}, {"a"}),
        ({"namespace": "x"}, set()),
    ],
)
def test_filters_choose_pools(filters: dict[str, str], found: set[str]) -> None:
    pool("a", template="a-template")
    pool("b", template="b-template")
    assert set(pools(**filters)) == found


def test_more_than_is_looked_at_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    load("burst-drained")
    assert overview(ClaimFilter()).complete
    monkeypatch.setattr(reading, "MAX_CLAIMS", 5)
    assert not overview(ClaimFilter()).complete
    monkeypatch.undo()
    monkeypatch.setattr(reading, "MAX_VERSIONS", 3)
    found = overview(ClaimFilter())
    assert not found.complete
    assert found.pools[0].ready == 3


def test_pools_are_found_by_their_own_index() -> None:
    assert (Kind.POOL.value, Kind.TEMPLATE.value) == BLUEPRINTS
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = reading._blueprints().filter(kind=Kind.POOL.value).explain()
    assert "version_blueprint" in plan
