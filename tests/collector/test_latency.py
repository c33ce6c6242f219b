"""Answers about operations are those their spans give, within what is promised, also when the spans are gone."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from collector import latency
from collector.histogram import RELATIVE_ERROR
from collector.ingest import save_now
from collector.latency.ranges import asked
from collector.models import Span
from collector.queries import TelemetryFilter
from collector.rollup import Subject, count_news
from collector.sql import execute
from tests.factories import MS, SECOND, T0_NS, batch, make_span

pytestmark = pytest.mark.django_db

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def within(found: int | None, wanted_ns: float) -> bool:
    return found is not None and abs(found - wanted_ns) <= RELATIVE_ERROR * wanted_ns + 1


def around(**fields: object) -> TelemetryFilter:
    """Fifteen minutes around T0, and the fifteen before it for what was before."""
    return TelemetryFilter(from_ns=T0_NS - 10 * MINUTE, to_ns=T0_NS + 5 * MINUTE, **fields)  # type: ignore[arg-type]


def exact(durations_ns: list[int], q: float) -> int:
    return sorted(durations_ns)[math.ceil(q * len(durations_ns) - 1e-9) - 1]


@pytest.mark.parametrize("counted", [True, False])
def test_percentiles_are_those_of_the_stored_spans(counted: bool) -> None:
    choose = random.Random(5)
    durations = [int(choose.lognormvariate(17, 1)) for _ in range(400)]
    save_now(batch(*(make_span(duration_ns=ns, start_ns=T0_NS - at * SECOND) for at, ns in enumerate(durations))))
    if counted:
        count_news()
    Span.objects.all().delete()  # what is measured outlives its spans
    found = latency.figures(around())
    assert (found.count, found.errors, found.max_ns) == (400, 0, max(durations))
    for name, q in (("p50_ns", 0.5), ("p90_ns", 0.9), ("p95_ns", 0.95), ("p99_ns", 0.99)):
        assert within(getattr(found, name), exact(durations, q))


def test_the_table_has_the_slowest_first_and_tells_what_changed() -> None:
    spans = [make_span("slow", duration_ns=900 * MS) for _ in range(10)]
    spans += [make_span("quick", duration_ns=9 * MS, status="error" if at < 3 else "ok") for at in range(20)]
    spans += [make_span("quick", duration_ns=6 * MS, start_ns=T0_NS - 12 * MINUTE) for _ in range(20)]
    save_now(batch(*spans))
    table = latency.operations(around())
    assert [operation.name for operation in table.operations] == ["slow", "quick"]
    slow, quick = table.operations
    assert (slow.now.count, slow.now.errors, slow.p95_change) == (10, 0, None)
    assert (quick.now.count, quick.now.errors) == (20, 3)
    assert quick.before is not None
    assert quick.before.count == 20
    assert quick.p95_change == pytest.approx(0.5, abs=0.07)
    assert (table.now.count, table.now.errors, table.found) == (30, 3, 2)
    assert table.before is not None
    assert table.before.count == 20
    assert len(quick.p95_ns) == len(table.times_ns)
    assert [ns for ns in quick.p95_ns if ns is not None] == [quick.now.p95_ns]


@pytest.mark.parametrize(
    ("order", "first"),
    [("p50", "slow"), ("max", "slow"), ("count", "quick"), ("errors", "quick"), ("error_share", "broken")],
)
def test_the_table_can_be_ordered_otherwise(order: str, first: str) -> None:
    spans = [make_span("slow", duration_ns=900 * MS)]
    spans += [make_span("quick", status="error" if at < 3 else "ok") for at in range(20)]
    spans += [make_span("broken", status="error") for _ in range(2)]
    save_now(batch(*spans))
    assert latency.operations(around(), order=order, limit=1).operations[0].name == first


def test_filters_are_those_of_the_lists() -> None:
    save_now(
        batch(
            make_span("GET /", service="shop"),
            make_span("GET /", service="till", status="error"),
            make_span("run", service="till"),
        )
    )

    def count(**fields: object) -> int:
        return latency.figures(around(**fields)).count

    assert count() == 3
    assert count(service="till") == 2
    assert count(operation="GET /") == 2
    assert count(service="till", operation="GET /") == 1
    assert count(q="get") == 2
    assert count(status="error") == 1
    assert count(status="ok") == 2
    assert count(service="nobody") == 0


def test_a_series_has_every_step_of_its_range() -> None:
    save_now(batch(make_span(duration_ns=5 * MS), make_span(duration_ns=5 * MS, start_ns=T0_NS - 5 * MINUTE)))
    found = latency.series(around(), percentiles=(0.5,))
    assert found.step_ns == 10 * SECOND
    assert all(
        later - earlier == found.step_ns for earlier, later in zip(found.times_ns, found.times_ns[1:], strict=False)
    )
    assert found.times_ns[0] <= T0_NS - 10 * MINUTE < found.times_ns[0] + found.step_ns
    assert sum(found.counts) == 2
    assert [ns is not None for ns in found.percentiles_ns[0.5]] == [count > 0 for count in found.counts]


@pytest.mark.parametrize(
    ("length_s", "points", "step_s"),
    [
        *((300, 90, 10), (900, 90, 10), (3_600, 90, 60), (3_600, 240, 20), (21_600, 90, 300), (86_400, 90, 1_800)),
        *((86_400, 240, 600), (604_800, 90, 10_800), (30 * 86_400, 90, 43_200), (10**9, 90, 604_800)),
    ],
)
def test_steps_are_as_short_as_the_points_allow(length_s: int, points: int, step_s: int) -> None:
    found = asked(Subject.OPERATION, T0_NS, T0_NS + length_s * SECOND, points)
    assert found is not None
    assert found.step_s == step_s
    assert step_s % found.longest_s == 0


def test_all_time_is_from_the_first_measurement_to_the_last() -> None:
    assert latency.operations(TelemetryFilter()).operations == []
    assert latency.series(TelemetryFilter()).times_ns == []
    assert latency.heatmap(TelemetryFilter()).counts == []
    save_now(batch(make_span(), make_span(start_ns=T0_NS + 20 * MINUTE)))
    table = latency.operations(TelemetryFilter())
    assert table.now.count == 2
    assert table.before is table.operations[0].before is None
    assert table.times_ns[0] <= T0_NS
    assert table.times_ns[-1] <= T0_NS + 20 * MINUTE < table.times_ns[-1] + table.step_ns


@pytest.mark.parametrize("counted", [True, False])
def test_years_in_which_nothing_was_measured_are_passed_over(monkeypatch: pytest.MonkeyPatch, counted: bool) -> None:
    early, late = make_span("early", start_ns=5 * SECOND), make_span("late", start_ns=T0_NS)  # a clock never set
    save_now(batch(early, late))
    if counted:
        count_news()
    statements: list[str] = []

    def counted_execute(sql: str, parameters: Sequence[Any] = ()) -> Any:
        statements.append(sql)
        return execute(sql, parameters)

    monkeypatch.setattr("collector.rollup.reading.execute", counted_execute)
    found = list(latency.windows(TelemetryFilter()))
    assert [window.start_ns for window in found] == [0, T0_NS // (3 * HOUR) * (3 * HOUR)]
    assert [window.figures.count for window in found] == [1, 1]
    assert len(statements) < 50, "and not one for every two days of fifty-six years"


def test_the_heatmap_counts_each_span_in_its_band_and_step() -> None:
    durations = [0, 1 * MS, 1 * MS, 40 * MS, 8 * SECOND]
    save_now(batch(*(make_span(duration_ns=ns) for ns in durations)))
    found = latency.heatmap(around())
    assert len(found.bounds_ns) == len(found.counts) + 1 <= 41
    assert found.bounds_ns == sorted(found.bounds_ns)
    assert {len(band) for band in found.counts} == {len(found.times_ns)}
    at = next(index for index, time_ns in enumerate(found.times_ns) if time_ns <= T0_NS < time_ns + found.step_ns)
    for band, counts in enumerate(found.counts):
        low, high = found.bounds_ns[band], found.bounds_ns[band + 1]
        inside = [ns for ns in durations if low < ns <= high or (band == 0 and ns == 0)]
        assert counts[at] == sum(counts) == len(inside), (low, high)


def test_a_span_without_an_end_is_not_measured() -> None:
    save_now(batch(make_span(duration_ns=None), make_span(duration_ns=-5)))
    found = latency.figures(around())
    assert (found.count, found.p50_ns, found.max_ns) == (1, 0, 0)
