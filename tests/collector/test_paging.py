"""Page after page: no row is lost and none is shown twice, whatever their times, and whatever arrives meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import queries
from collector.ingest import save_now
from collector.models import Log, Span, Trace
from collector.paging import Cursor, CursorError, page
from collector.queries import TelemetryFilter
from tests.factories import T0_NS, batch, make_log, make_span, trace_id

EVERYTHING = TelemetryFilter()


def walk(queryset: QuerySet[Any], limit: int) -> list[Any]:
    """All rows, a page at a time, each cursor by way of its text."""
    rows: list[Any] = []
    cursor: Cursor | None = None
    while True:
        found = page(queryset, limit, cursor)
        assert len(found.rows) <= limit
        rows += found.rows
        if found.next is None:
            return rows
        assert len(found.rows) == limit
        cursor = Cursor.parse(str(found.next))


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 12, 100])
@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_hold_every_row_once_in_order(limit: int, newest_first: bool) -> None:
    """Most rows share their time with others."""
    save_now(batch(*(make_log(f"{n}", time_ns=T0_NS + n // 5) for n in range(12))))
    logs = queries.logs(EVERYTHING) if newest_first else Log.objects.order_by("time_ns", "id")
    assert walk(logs, limit) == list(logs)


@pytest.mark.django_db
@given(st.lists(st.integers(0, 3), max_size=20), st.integers(1, 6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_traces_and_spans_are_walked_the_same_way(times: list[int], limit: int) -> None:
    Span.objects.all().delete()
    Trace.objects.all().delete()
    save_now(batch(*(make_span(trace=trace_id(n + 1), start_ns=T0_NS + time) for n, time in enumerate(times))))
    for queryset in (queries.traces(EVERYTHING), queries.spans(EVERYTHING)):
        assert walk(queryset, limit) == list(queryset)


@pytest.mark.django_db
def test_rows_that_arrive_meanwhile_move_nothing_between_pages() -> None:
    save_now(batch(*(make_log(f"{n}", time_ns=T0_NS + n) for n in range(6))))
    first = page(queries.logs(EVERYTHING), 3)
    save_now(batch(make_log("newer", time_ns=T0_NS + 100), make_log("newer still", time_ns=T0_NS + 101)))
    second = page(queries.logs(EVERYTHING), 3, first.next)
    assert [log.body for log in (*first.rows, *second.rows)] == ["5", "4", "3", "2", "1", "0"]
    assert second.next is None


@pytest.mark.django_db
def test_an_empty_list_has_one_empty_page() -> None:
    found = page(queries.logs(EVERYTHING), 5)
    assert (found.rows, found.next) == ([], None)


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", [f"{T0_NS}-{'0' * 32}", f"{T0_NS}-{2**63 - 1}", "-5-1"])
def test_the_cursor_of_another_list_is_refused(cursor: str) -> None:
    of_a_trace = len(cursor.rpartition("-")[2]) == 32
    other = queries.logs(EVERYTHING) if of_a_trace else queries.traces(EVERYTHING)
    with pytest.raises(CursorError, match="another list"):
        page(other, 5, Cursor.parse(cursor))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "1",
        "1-",
        "-1",
        "x-1",
        f"{2**63}-1",
        f"-{2**63}-1",
        f"1-{2**63}",
        "1-" + "g" * 32,
        "1-1 ",
        "1-\u0661",
        "1--1",
    ],
)
def test_what_is_no_cursor_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(CursorError, match="not a cursor of ours"):
        Cursor.parse(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(0, 2**63 - 1) | st.binary(min_size=16, max_size=16))
def test_a_cursors_text_is_read_back(time_ns: int, key: int | bytes) -> None:
    cursor = Cursor(time_ns, key.hex() if isinstance(key, bytes) else str(key))
    assert Cursor.parse(str(cursor)) == cursor
