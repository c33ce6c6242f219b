"""The correlator comes on step by step: nothing is lost when it stops in between, and two do not disturb each other."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from collector.clearing import clear
from collector.ingest import after_commit
from collector.models import Span
from collector.writer import Committed
from sandboxes import correlate
from sandboxes.correlate import Correlator, news
from sandboxes.correlate.claims import facts_of
from sandboxes.correlate.news import News
from sandboxes.correlate.running import Joining
from sandboxes.hints import HintKind
from sandboxes.models import Claim, Cursor, Hint, Link
from tests.sandboxes.test_correlate_recordings import cluster_of, join, judge, steps, telemetry_of

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def fill(scenario: str) -> None:
    for _, store in (*cluster_of(scenario), *telemetry_of(scenario)):
        store()


def links() -> set[tuple[Any, ...]]:
    return set(Link.objects.values_list("claim_uid", "trace_id", "span_id", "evidence", "certainty"))


@pytest.mark.parametrize("scenario", ["failures", "parent-span", "full-path", "bootstrapped-cold"])
def test_no_link_is_wrong_even_for_a_moment_while_things_come_in_time(scenario: str) -> None:
    """With telemetry far ahead of the watch, a name used again means the claim we know, until the next is told."""
    correlator = Correlator()
    for store in steps(scenario, "in time"):
        store()
        join(correlator)
        assert judge(scenario).wrong == []


def test_a_step_that_fails_is_done_again_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    fill("parent-span")
    written = correlate._replace

    def fail_after_writing(found: Any) -> set[str]:
        written(found)
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(correlate, "_replace", fail_after_writing)
        with pytest.raises(RuntimeError, match="killed"):
            Correlator().step()
    assert not Link.objects.exists()
    assert not Cursor.objects.exists()
    join(Correlator())
    judged = judge("parent-span")
    assert (judged.wrong, judged.missed) == ([], [])


def test_a_reader_whose_news_another_has_taken_writes_nothing() -> None:
    fill("full-path")
    behind = {correlate.HINTS: 0, correlate.CLAIMS: 0}
    join(Correlator())
    before = links()
    moved = {correlate.HINTS: 1, correlate.CLAIMS: 1}
    assert not correlate._write(behind, moved, [], {}, News(), Committed())
    assert links() == before


def test_looking_again_at_what_is_known_changes_nothing() -> None:
    fill("traced-warm")
    correlator = Correlator()
    join(correlator)
    before, hints = links(), Hint.objects.count()
    assert not correlator.step()
    Cursor.objects.update(position=0)
    join(Correlator())
    assert (links(), Hint.objects.count()) == (before, hints)


def test_after_all_was_cleared_the_same_claims_are_joined_anew() -> None:
    correlator = Correlator()
    fill("full-path")
    join(correlator)
    clear()
    for _, store in (*telemetry_of("full-path"), *cluster_of("full-path")):
        store()
        join(correlator)
    assert judge("full-path").missed == []


def test_a_hint_that_is_committed_after_later_ones_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on PostgreSQL, where ids are given before the commit."""
    monkeypatch.setattr(news, "is_sqlite", lambda: False)
    fill("bootstrapped-cold")
    late = list(Hint.objects.filter(kind=HintKind.CLAIM_URL))
    Hint.objects.filter(kind=HintKind.CLAIM_URL).delete()
    correlator = Correlator()
    join(correlator)
    assert judge("bootstrapped-cold").missed != []
    Hint.objects.bulk_create(late)
    join(correlator)
    assert judge("bootstrapped-cold").missed == []


def test_a_claim_that_is_committed_after_later_ones_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on PostgreSQL, where two processes may each date a change before either commits it."""
    monkeypatch.setattr(news, "is_sqlite", lambda: False)
    fill("bootstrapped-cold")
    *_, late = Claim.objects.order_by("changed_ns")
    Claim.objects.filter(pk=late.pk).delete()
    correlator = Correlator()
    join(correlator)
    assert judge("bootstrapped-cold").missed != []
    late.changed_ns = Cursor.objects.get(name=correlate.CLAIMS).position - 1
    Claim.objects.bulk_create([late])
    join(correlator)
    assert judge("bootstrapped-cold").missed == []
    assert not correlator.step()


def test_both_traces_of_a_claim_whose_annotation_was_written_over_are_its_own() -> None:
    fill("full-path")
    traces = {}
    for claim in Claim.objects.all():
        over, first = claim.lifecycle["trace_context"], f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
        claim.lifecycle |= {"trace_context": first, "other_contexts": [over]}
        claim.save()
        traces[claim.uid] = facts_of(claim).traces[1][0]
    Hint.objects.filter(trace_id__in=traces.values()).delete()  # so that nothing but the annotation tells
    join(Correlator())
    for uid, trace_id in traces.items():
        spans = set(Span.objects.filter(trace_id=trace_id).values_list("span_id", flat=True))
        assert spans
        assert set(Link.objects.filter(claim_uid=uid, trace_id=trace_id).values_list("span_id", flat=True)) == spans


def test_late_spans_find_their_claim() -> None:
    """The last body alone, long after the rest: what it brings is joined, in traces decided before."""
    *first, (_, last) = telemetry_of("full-path")
    for _, store in (*cluster_of("full-path"), *first):
        store()
    join(Correlator())
    last()
    join(Correlator())
    assert judge("full-path").missed == []


async def test_a_server_that_starts_and_stops_leaves_nobody_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = len(after_commit)
    monkeypatch.setattr(Correlator, "step", lambda self: False)
    joining = Joining()
    joining.start()
    assert len(after_commit) == told + 1
    await asyncio.sleep(0)
    await joining.stop()
    assert len(after_commit) == told
