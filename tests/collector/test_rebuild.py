"""Counted anew, rollups say what the rows say, whatever was wrong, and while telemetry arrives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db.models import F

from collector.ingest import save_now
from collector.models import Rollup, RollupNews
from collector.retention import record
from collector.rollup import Subject, count_news, rebuild
from collector.rollup.windows import WINDOWS_S
from sandboxes.models import Claim
from sandboxes.recorded import read_changes
from sandboxes.store import IMPORTED, save_changes
from tests.factories import MS, SECOND, T0_NS, batch, make_span
from tests.sandboxes.recordings import watch_lines

pytestmark = pytest.mark.django_db

Rows = list[tuple[int, int, int, int, int, int, bytes]]
COLUMNS = ("subject", "window_s", "start_s", "series", "count", "max_ns", "counts")


def stored() -> Rows:
    rows = Rollup.objects.filter(count__gt=0).order_by(*COLUMNS[:4]).values_list(*COLUMNS)
    return [(*row[:6], bytes(row[6])) for row in rows]


def fill() -> Rows:
    """Spans of a day and the claims of a recording, counted."""
    save_changes(IMPORTED, list(read_changes(watch_lines("traced-warm"))))
    spans = [
        make_span(
            f"call {at % 3}",
            start_ns=T0_NS + at * 97 * SECOND,
            duration_ns=None if at % 50 == 7 else at * MS,
            status="error" if at % 5 == 0 else "ok",
        )
        for at in range(400)
    ]
    save_now(batch(*spans))
    count_news()
    return stored()


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.rollup.news._clock.next_s", float("inf"))
    monkeypatch.setattr("collector.rollup.rebuild.SPANS_A_PORTION", 37)
    monkeypatch.setattr("sandboxes.rollup.CLAIMS_A_PORTION", 2)


def break_counts() -> None:
    Rollup.objects.update(count=F("count") + 5, max_ns=1)


def lose_everything() -> None:
    Rollup.objects.all().delete()


def lose_long_windows() -> None:
    Rollup.objects.filter(window_s__gt=60).delete()


def count_what_never_was() -> None:
    row = Rollup.objects.filter(window_s=10).first()
    assert row is not None
    for window_s in WINDOWS_S:
        Rollup(
            subject=row.subject,
            window_s=window_s,
            start_s=(row.start_s + 86_400) // window_s * window_s,
            series=row.series,
            count=1,
            max_ns=1,
            counts=row.counts,
        ).save()


@pytest.mark.parametrize("spoil", [break_counts, lose_everything, lose_long_windows, count_what_never_was])
def test_they_are_as_they_were(spoil: Callable[[], None]) -> None:
    right = fill()
    spoil()
    assert stored() != right
    call_command("rebuild_rollups")
    # What was taken back may have left the longest of a bucket; counted anew it is exact.
    assert [(*row[:5], row[6]) for row in stored()] == [(*row[:5], row[6]) for row in right]
    assert [row for row in stored() if row[0] == Subject.OPERATION] == [
        row for row in right if row[0] == Subject.OPERATION
    ]


def test_what_arrives_in_between_is_counted_once() -> None:
    fill()
    late = make_span("late", start_ns=T0_NS + 500 * SECOND)
    at_s: int | None = 0
    while at_s is not None:
        at_s = rebuild.count_rows(rebuild.SPANS, at_s)
        save_now(batch(late, make_span(start_ns=T0_NS + 600 * SECOND)))
    for window_s in WINDOWS_S[1:]:
        at_s = 0
        while at_s is not None:
            save_now(batch(late, make_span(start_ns=T0_NS + 700 * SECOND)))
            at_s = rebuild.count_windows(Subject.OPERATION, window_s, at_s)
    count_news()
    assert RollupNews.objects.count() == 0
    kept = stored()
    lose_everything()
    call_command("rebuild_rollups")
    operations = [row for row in kept if row[0] == Subject.OPERATION]
    assert operations == [row for row in stored() if row[0] == Subject.OPERATION]


def test_times_of_which_spans_were_pruned_stay_as_they_are() -> None:
    right = fill()
    record.add(record.Reason.AGE, "spans", 1, T0_NS + 20_000 * SECOND)
    begin_s = rebuild.begin_s()
    break_counts()
    call_command("rebuild_rollups")
    for row, was in zip(stored(), right, strict=True):
        untouched = row[0] == Subject.OPERATION and row[2] < begin_s
        assert row[4] == was[4] + 5 * untouched


def test_claims_are_measured_from_their_stories() -> None:
    fill()
    assert Claim.objects.count() > 2
    before = [row for row in stored() if row[0] == Subject.STAGE]
    lose_everything()
    call_command("rebuild_rollups")
    assert [row[4] for row in stored() if row[0] == Subject.STAGE] == [row[4] for row in before]
