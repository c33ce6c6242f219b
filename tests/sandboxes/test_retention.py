"""What of the cluster's side goes when: with its trace, by its age, or not while its claim is there."""

from __future__ import annotations

import time
from typing import Any

import pytest

from collector.ingest import ingest, save_now
from collector.models import Pruning, Trace
from collector.retention import arrivals, pace, stages
from collector.retention.passes import Limits, Pass
from sandboxes.models import Claim, Cluster, Hint, Link, ObjectVersion
from sandboxes.records import ChangeType, Kind, State
from tests.factories import batch, make_log, make_span, trace_id
from tests.sandboxes.loading import link, load

pytestmark = pytest.mark.django_db

DAY_NS = 86_400 * 10**9
WEEK = Limits(7, 0, 90)
CLAIM_SPAN = {"sandbox.claim.name": "claim-1"}


def days_ago(days: float) -> int:
    return time.time_ns() - int(days * DAY_NS)


def note(days: float) -> None:
    """All that is stored had come so long ago."""
    arrivals.note(stages.noted_tables, days_ago(days))


def seen(days: float) -> None:
    """The cluster was watched until then."""
    Cluster.objects.update(last_seen_ns=days_ago(days))


def prune(limits: Limits = WEEK, rounds: int = 2) -> dict[str, int]:
    deleted: dict[str, int] = {}
    for _ in range(rounds):  # what stayed is passed by once a round
        one = Pass(ingest.run_from_thread, lambda seconds: False)
        one.by_age(limits)
        for kind, rows in one.deleted.rows.items():
            deleted[kind] = deleted.get(kind, 0) + rows
    return deleted


def claim_span(number: int) -> Any:
    return make_span("claim.create_claim", trace=trace_id(number), attributes=CLAIM_SPAN)


def test_links_and_hints_go_with_their_trace() -> None:
    claim = next(iter(load("quickstart-cold").values()))
    save_now(batch(claim_span(1)))
    link(claim, trace_id(1), "00" * 7 + "01")
    note(8)
    save_now(batch(claim_span(2)))
    link(claim, trace_id(2), "00" * 7 + "02")
    note(1)
    assert {hint.trace_id for hint in Hint.objects.all()} == {trace_id(1), trace_id(2)}
    prune()
    assert [trace.trace_id for trace in Trace.objects.all()] == [trace_id(2)]
    assert {hint.trace_id for hint in Hint.objects.all()} == {trace_id(2)}
    assert [each.trace_id for each in Link.objects.all()] == [trace_id(2)]


def test_many_links_of_a_large_trace_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_ROWS", "MAX_ROWS", "MIN_ROWS"):
        monkeypatch.setattr(pace, name, 5)
    claim = next(iter(load("quickstart-cold").values()))
    save_now(batch(*(claim_span(1) for _ in range(12))))
    for number in range(12):
        link(claim, trace_id(1), f"{number:016x}")
    note(8)
    prune()
    assert not Trace.objects.exists()
    assert not Link.objects.exists()
    assert not Hint.objects.exists()


def test_hints_of_lines_outside_every_trace_go_by_age() -> None:
    line = "Creating SandboxClaim 'claim-1' in namespace 'default' using warm pool 'pool'..."
    save_now(batch(make_log(line, scope="k8s_agent_sandbox")))
    assert Hint.objects.exists()
    note(6)
    prune()
    assert Hint.objects.exists()
    prune(Limits(5, 0, 0))
    assert not Hint.objects.exists()


def test_versions_of_a_claim_that_is_still_there_stay_whole() -> None:
    claims = load("quickstart-cold")
    Claim.objects.update(state=State.READY, deleted_ns=None)
    before = set(ObjectVersion.objects.exclude(kind__in=(Kind.POOL, Kind.TEMPLATE)).values_list("kind", "id"))
    note(8)
    seen(0)
    prune()
    after = set(ObjectVersion.objects.values_list("kind", "id"))
    for kind in (Kind.CLAIM, Kind.SANDBOX, Kind.POD):
        assert {row for row in before if row[0] == kind} <= after
    assert len(claims) == Claim.objects.count()


def test_versions_of_a_claim_that_is_gone_go_and_its_story_stays() -> None:
    claims = load("quickstart-cold")
    Claim.objects.update(state=State.DELETED)
    note(8)
    seen(0)
    prune()
    assert not ObjectVersion.objects.filter(kind=Kind.CLAIM).exists()
    assert {claim.uid for claim in Claim.objects.all()} == {claim.uid for claim in claims.values()}
    assert all(claim.lifecycle for claim in Claim.objects.all())


def test_the_newest_version_of_what_is_there_stays() -> None:
    """Pools live for months: the page of pools reads their last version, however old."""
    load("burst-drained")
    Claim.objects.update(state=State.DELETED)
    note(8)
    seen(0)
    newest = {version.uid: version for version in ObjectVersion.objects.filter(kind=Kind.POOL).order_by("id")}
    assert ObjectVersion.objects.filter(kind=Kind.POOL).count() > len(newest)
    prune()
    left = ObjectVersion.objects.filter(kind=Kind.POOL)
    expected = {version.pk for version in newest.values() if version.change != ChangeType.DELETED}
    assert {version.pk for version in left} == expected


def test_of_a_cluster_that_is_gone_nothing_is_kept_for_long() -> None:
    load("quickstart-cold")
    Claim.objects.update(state=State.READY, deleted_ns=None)
    note(8)
    seen(8)
    prune()
    assert not ObjectVersion.objects.exists()


def test_versions_that_came_lately_stay_however_old_they_say_they_are() -> None:
    load("quickstart-cold")
    before = ObjectVersion.objects.count()
    ObjectVersion.objects.update(received_ns=1)
    note(1)
    seen(30)
    prune()
    assert ObjectVersion.objects.count() == before


def test_claims_outlive_telemetry_and_go_at_last() -> None:
    claims = load("quickstart-cold")
    for claim in claims.values():
        link(claim, trace_id(1), "00" * 7 + "01")
    seen(200)
    Claim.objects.update(state=State.DELETED, zero_ns=days_ago(91), changed_ns=days_ago(80))
    prune()
    assert Claim.objects.count() == len(claims)
    Claim.objects.update(changed_ns=days_ago(91))
    prune()
    assert not Claim.objects.exists()
    assert not Link.objects.exists()
    assert Pruning.objects.get().deleted["claims"] == 2 * len(claims)


def test_a_claim_that_is_still_there_stays_whatever_its_age() -> None:
    claims = load("quickstart-cold")
    Claim.objects.update(state=State.READY, zero_ns=days_ago(91), changed_ns=days_ago(91))
    seen(0)
    prune()
    assert Claim.objects.count() == len(claims)
