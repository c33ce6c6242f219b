"""What is counted is what the stored spans add up to, in whatever order, cut and repetition they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import intern, rollup
from collector.histogram import Histogram, number_of, position, unpack
from collector.ingest import save_now
from collector.models import Operation, Rollup, RollupNews, Span
from collector.rollup import Sheet, Subject, count_news, note, prune, rows, series_of
from collector.rollup.windows import ALL_OPERATIONS, NS_PER_S, WINDOWS_S
from tests.factories import MS, SECOND, T0_NS, MadeSpan, batch, make_span, span_id, trace_id

pytestmark = pytest.mark.django_db

Counted = dict[tuple[int, int], tuple[int, int, dict[int, int]]]  # series, window: count, longest, by position


@pytest.fixture(autouse=True)
def nothing_counted_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test says when what is noted is counted."""
    monkeypatch.setattr("collector.rollup.news._clock.next_s", float("inf"))


def kept(window_s: int, subject: int = Subject.OPERATION) -> Counted:
    """What the windows of one length say."""
    return {
        (row.series, row.start_s): (row.count, row.max_ns, unpack(bytes(row.counts)))
        for row in Rollup.objects.filter(subject=subject, window_s=window_s)
        if subject != Subject.OPERATION or row.series not in ALL_OPERATIONS
    }


def worked_out(window_s: int) -> Counted:
    """The same from the stored spans."""
    durations: dict[tuple[int, int], list[int]] = {}
    for span in Span.objects.exclude(duration_ns=None):
        key = (series_of(span.operation_id, span.status_code == 2), span.start_ns // NS_PER_S // window_s * window_s)
        durations.setdefault(key, []).append(span.duration_ns or 0)
    return {
        key: (len(found), max(0, *found, 0), dict(Counter(map(position, found)))) for key, found in durations.items()
    }


def read(from_ns: int | None = None, to_ns: int | None = None, longest_s: int = 10_800) -> Counter[int]:
    """How many were measured by series, as a question reads them."""
    counts: Counter[int] = Counter()
    for row in rows(Subject.OPERATION, from_ns, to_ns, longest_s):
        counts[row.series] += row.count
    return counts


def sums() -> list[int]:
    """How many spans of all operations were measured, without an error and with one."""
    found = list(rows(Subject.OPERATION, None, None, 10_800, ALL_OPERATIONS))
    return [sum(row.count for row in found if row.series == series) for series in ALL_OPERATIONS]


def worked_out_sums() -> list[int]:
    ended = Span.objects.exclude(duration_ns=None)
    return [ended.exclude(status_code=2).count(), ended.filter(status_code=2).count()]


SPANS = st.builds(
    make_span,
    st.sampled_from(["GET /", "POST /", "run"]),
    trace=st.integers(1, 3).map(trace_id),
    span=st.integers(1, 40).map(span_id),
    status=st.sampled_from(["ok", "unset", "error"]),
    start_ns=st.integers(T0_NS - 90 * SECOND, T0_NS + 90 * SECOND),
    duration_ns=st.none() | st.integers(-3, 10**11),
)
DELIVERIES = st.lists(st.tuples(st.lists(SPANS, max_size=6), st.booleans()), max_size=6)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(DELIVERIES)
def test_windows_hold_what_the_spans_add_up_to(deliveries: list[tuple[list[MadeSpan], bool]]) -> None:
    with transaction.atomic():
        for spans, counted in deliveries:
            save_now(batch(*spans))
            if counted:
                count_news()
        assert sums() == worked_out_sums()
        asked_before = read()
        count_news()
        for window_s in WINDOWS_S:
            assert kept(window_s) == worked_out(window_s)
        assert sums() == worked_out_sums()
        assert asked_before == read() == {series: n for series, n in read(longest_s=10).items() if n}
        transaction.set_rollback(True)
    intern.forget()


def test_a_repeated_span_is_counted_once() -> None:
    span = make_span(span=span_id(1), trace=trace_id(1))
    for _ in range(3):
        save_now(batch(span, make_span()))
    count_news()
    assert sum(count for count, _, _ in kept(10).values()) == Span.objects.count() == 4


def test_what_is_not_counted_yet_is_read_all_the_same() -> None:
    save_now(batch(make_span(duration_ns=5 * MS)))
    count_news()
    save_now(batch(make_span(duration_ns=7 * MS, start_ns=T0_NS + 1)))
    assert RollupNews.objects.count() == 1
    found = Histogram()
    for row in rows(Subject.OPERATION, T0_NS, T0_NS + SECOND, 10):
        found.add(row.count, row.max_ns, row.number)
    assert found == Histogram(2, 7 * MS, number_of_durations([5 * MS, 7 * MS]))


def number_of_durations(durations_ns: Iterable[int]) -> int:
    return sum(1 << 64 * position(duration_ns) for duration_ns in durations_ns)


def test_late_spans_are_counted_where_they_belong() -> None:
    save_now(batch(make_span(start_ns=T0_NS)))
    count_news()
    save_now(batch(make_span(start_ns=T0_NS - 3_600 * SECOND)))
    count_news()
    operation = Operation.objects.get().pk
    hour_ago = rows(Subject.OPERATION, T0_NS - 3_600 * SECOND, T0_NS - 3_590 * SECOND, 10_800)
    assert [(row.series, row.count) for row in hour_ago] == [(series_of(operation, False), 1)]


def test_ranges_are_cut_at_ten_seconds_whatever_the_windows_inside_are() -> None:
    first_ns = T0_NS - T0_NS % (10_800 * SECOND) - 10 * SECOND
    save_now(batch(*(make_span(start_ns=first_ns + at * 10 * SECOND) for at in range(4_000))))
    count_news()
    for longest_s in WINDOWS_S:
        found = read(first_ns + 10 * SECOND, first_ns + 39_000 * SECOND, longest_s)
        assert sum(found.values()) == 3_899


def test_what_is_taken_back_leaves_no_trace() -> None:
    for duration_ns, times in ((30 * MS, 1), (900 * MS, 1), (900 * MS, -1)):
        note([Sheet(Subject.STAGE, times, [7], [1_795_473_180], [duration_ns])])
        count_news()
    only = kept(10, Subject.STAGE)[7, 1_795_473_180]
    assert only[0] == 1
    assert only[2] == {position(30 * MS): 1}
    assert 30 * MS <= only[1] <= 31.4 * MS


def test_taking_back_what_is_gone_counts_nothing_below_zero() -> None:
    note([Sheet(Subject.STAGE, -1, [7], [1_795_473_180], [30 * MS])])
    count_news()
    assert kept(10, Subject.STAGE)[7, 1_795_473_180] == (0, 0, {})
    assert list(rows(Subject.STAGE, None, None, 10)) == []


def test_pruning_takes_short_windows_before_long_ones_and_in_portions() -> None:
    day_ns = 86_400 * SECOND
    save_now(batch(*(make_span(start_ns=T0_NS - age * day_ns) for age in range(10))))
    count_news()
    deleted = []
    while (number := prune(fine_before_ns=T0_NS - 4 * day_ns, before_ns=T0_NS - 8 * day_ns, limit=4)) == 4:
        deleted.append(number)
    ages = {
        window_s: sorted((T0_NS // SECOND - start) // 86_400 for _, start in kept(window_s)) for window_s in WINDOWS_S
    }
    assert ages[10] == ages[60] == [0, 1, 2, 3, 4]  # the last began before the bound and ended after it
    assert ages[300] == ages[10_800] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert sum(deleted) + number == 2 * (2 * 5 + 3 * 1)  # an operation, and all of them


def test_a_range_whose_short_windows_are_pruned_is_read_from_long_ones() -> None:
    day_ns = 86_400 * SECOND
    save_now(batch(make_span(start_ns=T0_NS - 9 * day_ns), make_span(start_ns=T0_NS)))
    count_news()
    prune(fine_before_ns=T0_NS - 4 * day_ns, before_ns=0, limit=100)
    assert sum(read(T0_NS - 10 * day_ns, None, 10).values()) == 2
    assert sum(read(None, T0_NS - 4 * day_ns, 10).values()) == 1
    assert rollup.extent_s(Subject.OPERATION) is not None


def test_extents_are_as_exact_as_windows_tell() -> None:
    assert rollup.extent_s(Subject.OPERATION) is None
    at_s = T0_NS // SECOND // 10 * 10
    save_now(batch(make_span(start_ns=T0_NS), make_span(start_ns=T0_NS + 25_000 * SECOND)))
    assert rollup.extent_s(Subject.OPERATION) == (at_s, at_s + 25_010)
    count_news()
    assert rollup.extent_s(Subject.OPERATION) == (at_s, at_s + 25_010)
    assert rollup.extent_s(Subject.STAGE) is None


def test_packed_counts_of_a_row_are_what_reading_adds() -> None:
    save_now(batch(*(make_span(duration_ns=duration * MS) for duration in (1, 1, 5, 900))))
    noted = [row.number for row in rows(Subject.OPERATION, None, None, 10)]
    count_news()
    assert [number_of(bytes(row.counts)) for row in Rollup.objects.filter(window_s=10, series__gt=1)] == noted


def test_operations_that_were_measured_are_in_use_counted_or_not() -> None:
    save_now(batch(make_span("GET /", status="error"), make_span("run")))
    count_news()
    save_now(batch(make_span("late"), make_span("endless", duration_ns=None)))
    names = Operation.objects.filter(pk__in=rollup.operations_in_use()).values_list("name", flat=True)
    assert sorted(names) == ["GET /", "late", "run"]
