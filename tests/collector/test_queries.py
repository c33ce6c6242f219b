"""Every question gives what a plain look through all rows gives, on both roads to the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import having, queries
from collector.ingest import save_now
from collector.models import Log, MetricStream, Span, Trace
from collector.queries import TelemetryFilter
from tests.factories import (
    MS,
    SECOND,
    T0_NS,
    batch,
    make_exemplar,
    make_log,
    make_point,
    make_span,
    span_id,
    trace_id,
)

pytestmark = pytest.mark.django_db

SERVICES, OPERATIONS = ("shop", "shop-till", "router"), ("GET /", "POST /execute", "plan abcd")
FEWEST, MOST = 0, 10**9


def at(seconds: int) -> int:
    return T0_NS + seconds * SECOND


def numbered(n: int) -> str:
    """A trace id that begins with abcd, abce or abcf: one of them is the beginning of a name as well."""
    return trace_id((0xABCD + n % 3) << 112 | n)


def save_world() -> None:
    """Forty traces of one to four spans, in several services; every fifth has an error, some start before a span of
    theirs that a range begins with."""
    made = []
    for n in range(40):
        for k in range(n % 4 + 1):
            made.append(
                make_span(
                    OPERATIONS[(n + k) % 3],
                    service=SERVICES[(n // 3 + k) % 3],
                    trace=numbered(n),
                    span=span_id(n * 10 + k + 1),
                    parent=span_id(n * 10 + 1) if k else None,
                    start_ns=at(n) + k * MS,
                    duration_ns=(n + k) * MS,
                    status="error" if (n + k) % 5 == 0 else "ok" if k else "unset",
                )
            )
    save_now(batch(*made))


FILTERS = st.builds(
    TelemetryFilter,
    from_ns=st.none() | st.integers(-2, 42).map(at),
    to_ns=st.none() | st.integers(-2, 42).map(at),
    service=st.sampled_from(["", *SERVICES, "nobody"]),
    operation=st.sampled_from(["", *OPERATIONS, "nothing"]),
    status=st.sampled_from(["", "ok", "error", "unset"]),
    min_duration_ns=st.none() | st.integers(0, 45).map(lambda ms: ms * MS),
    q=st.sampled_from(["", "shop", "SHOP", "execute", "till", "%", "abcd", "ABCE", numbered(1), "xyz"]),
    trace_id=st.sampled_from(["", numbered(2), trace_id(1)]),
)


def expected_traces(f: TelemetryFilter) -> list[str]:
    """The same, looked for the plain way."""
    spans: dict[str, list[Span]] = {}
    for span in Span.objects.select_related("operation"):
        spans.setdefault(span.trace_id, []).append(span)
    found = [trace for trace in Trace.objects.all() if _trace_matches(trace, spans[trace.trace_id], f)]
    return [t.trace_id for t in sorted(found, key=lambda t: (t.start_ns, t.trace_id), reverse=True)]


def _trace_matches(trace: Trace, spans: list[Span], f: TelemetryFilter) -> bool:
    errors = sum(span.status_code == 2 for span in spans)
    return (
        _within(trace.start_ns, f)
        and f.trace_id in ("", trace.trace_id)
        and (not f.status or (errors > 0) == (f.status == "error"))
        and (f.min_duration_ns is None or trace.duration_ns >= f.min_duration_ns)
        and any(f.service in ("", s.operation.service) and f.operation in ("", s.operation.name) for s in spans)
        and (not f.q or trace.trace_id.startswith(f.q.lower()) or any(_named(s, f.q) for s in spans))
    )


def expected_spans(f: TelemetryFilter) -> list[str]:
    codes = {"unset": 0, "ok": 1, "error": 2}
    found = [
        span
        for span in Span.objects.select_related("operation")
        if _within(span.start_ns, f)
        and f.trace_id in ("", span.trace_id)
        and (not f.status or span.status_code == codes[f.status])
        and (f.min_duration_ns is None or (span.duration_ns or 0) >= f.min_duration_ns)
        and f.service in ("", span.operation.service)
        and f.operation in ("", span.operation.name)
        and (not f.q or _named(span, f.q) or span.trace_id.startswith(f.q.lower()) or span.span_id.startswith(f.q))
    ]
    return [span.span_id for span in sorted(found, key=lambda span: (span.start_ns, span.pk))]


def _within(time_ns: int, f: TelemetryFilter) -> bool:
    return (f.from_ns is None or f.from_ns <= time_ns) and (f.to_ns is None or time_ns < f.to_ns)


def _named(span: Span, q: str) -> bool:
    return q.lower() in span.operation.name.lower() or q.lower() in span.operation.service.lower()


@pytest.fixture
def world() -> None:
    save_world()


@pytest.mark.parametrize("few_spans", [FEWEST, MOST], ids=["walking the traces", "from the spans"])
@pytest.mark.parametrize("many_operations", [FEWEST, MOST])
@pytest.mark.usefixtures("world")
@given(f=FILTERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_traces_are_those_a_plain_look_finds(f: TelemetryFilter, few_spans: int, many_operations: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(having, "FEW_SPANS", few_spans)
        patch.setattr(having, "MANY_OPERATIONS", many_operations)
        assert [trace.trace_id for trace in queries.traces(f)] == expected_traces(f)


@pytest.mark.usefixtures("world")
@given(f=FILTERS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spans_are_those_a_plain_look_finds(f: TelemetryFilter) -> None:
    assert [span.span_id for span in queries.spans(f)] == expected_spans(f)


@pytest.mark.usefixtures("world")
def test_a_list_asks_the_database_a_fixed_number_of_times(django_assert_num_queries: Callable[..., Any]) -> None:
    with django_assert_num_queries(2):
        assert len([trace.head_operation.name for trace in queries.traces(TelemetryFilter())]) == 40
    with django_assert_num_queries(4):
        assert (
            len([(s.operation.name, s.resource.service, s.scope.name) for s in queries.spans(TelemetryFilter())]) == 100
        )


def bodies(found: Iterable[Log]) -> list[Any]:
    return [log.body for log in found]


def test_logs_are_found_by_each_filter() -> None:
    save_now(
        batch(
            make_log("Claim ready", time_ns=at(1), severity=9, trace=trace_id(0xABCD << 64), span=span_id(0xFEED)),
            make_log({"message": 'say "hi" \\ 50%', "n": [7]}, time_ns=at(2), severity=13, service="till"),
            make_log("slow", time_ns=at(3), severity=17, attributes={"pod": "Sandbox-1"}, scope="my.Agent"),
            make_log(None, time_ns=at(4), severity=0, event_name="claim.bound"),
        )
    )

    def found(**members: Any) -> list[Any]:
        return bodies(queries.logs(TelemetryFilter(**members)))

    hi = {"message": 'say "hi" \\ 50%', "n": [7]}
    assert found() == [None, "slow", hi, "Claim ready"]
    assert found(from_ns=at(2), to_ns=at(4)) == ["slow", hi]
    assert found(service="till") == [hi]
    assert found(severity=13) == ["slow", hi]
    assert found(trace_id=trace_id(0xABCD << 64)) == ["Claim ready"]
    assert found(q="claim") == [None, "Claim ready"]
    assert found(q="sandbox-1") == ["slow"]
    assert found(q="agent") == ["slow"]
    assert found(q='"hi"') == [hi]
    assert found(q="\\ 50%") == [hi]
    assert found(q="%") == [hi]
    assert found(q="feed") == []
    assert found(q=span_id(0xFEED)) == ["Claim ready"]
    assert found(q=trace_id(0xABCD << 64)[:20]) == ["Claim ready"]
    assert found(q="nothing like it") == []


@pytest.mark.parametrize("q", ["\u00e9t\u00e9", "\U0001f600", "tab\there", "new\nline", "back\\slash", "it's"])
def test_logs_are_found_by_what_their_text_really_says(q: str) -> None:
    save_now(batch(make_log(f"before {q} after"), make_log("other")))
    assert bodies(queries.logs(TelemetryFilter(q=q))) == [f"before {q} after"]


def test_a_traces_records_come_oldest_first() -> None:
    save_now(batch(*(make_log(f"{n}", time_ns=at(n), trace=trace_id(n % 2 + 1)) for n in (3, 1, 2, 5))))
    assert bodies(queries.trace_logs(trace_id(2))) == ["1", "3", "5"]


def test_streams_and_their_points() -> None:
    save_now(
        batch(
            *(make_point(n, name="requests", time_ns=at(n)) for n in range(5)),
            *(make_point(float(n), name="load", service="till", time_ns=at(10 + n)) for n in range(3)),
            make_point(1, name="idle", description="Nothing to do", time_ns=at(50)),
        )
    )

    def names(**members: Any) -> list[tuple[str, str]]:
        found = queries.streams(TelemetryFilter(**members))
        return [(stream.resource.service, stream.name) for stream in found]

    assert names() == [("shop", "idle"), ("shop", "requests"), ("till", "load")]
    assert names(service="till") == [("till", "load")]
    assert names(q="TO DO") == [("shop", "idle")]
    assert names(from_ns=at(4), to_ns=at(12)) == [("shop", "requests"), ("till", "load")]
    assert names(from_ns=at(13), to_ns=at(50)) == []
    points = queries.points(TelemetryFilter(service="shop", to_ns=at(3)))
    assert [point.value_int for point in points] == [2, 1, 0]
    streams = list(MetricStream.objects.all())
    newest = {stream.name: queries.latest_points(streams)[stream.pk] for stream in streams}
    assert (newest["requests"].value_int, newest["load"].value_double, newest["idle"].value_int) == (4, 2.0, 1)


def test_a_traces_exemplars_come_with_their_streams() -> None:
    mine, other = trace_id(1), trace_id(2)
    exemplars = [
        make_exemplar(7, trace=mine, span=span_id(1), time_ns=at(2)),
        make_exemplar(8, trace=other, span=span_id(1)),
        make_exemplar(9, trace=mine, span=span_id(2), time_ns=at(1)),
    ]
    save_now(batch(make_point(1, exemplars=exemplars)))
    found = queries.span_exemplars(mine)
    assert [(exemplar.value_int, exemplar.stream.name) for exemplar in found] == [(9, "requests"), (7, "requests")]


@pytest.mark.usefixtures("world")
def test_names_for_the_filters() -> None:
    save_now(batch(make_log(service="logs only")))
    assert queries.services() == ["logs only", "router", "shop", "shop-till"]
    assert queries.operations() == ["GET /", "POST /execute", "plan abcd"]
    assert queries.operations("nobody") == []
    assert len(queries.operations(limit=2)) == 2


@pytest.mark.usefixtures("world")
def test_counting_stops_at_the_limit() -> None:
    everything = queries.spans(TelemetryFilter())
    assert queries.count_up_to(everything, 1_000) == (100, False)
    assert queries.count_up_to(everything, 100) == (100, False)
    assert queries.count_up_to(everything, 99) == (99, True)


@pytest.mark.usefixtures("world")
def test_the_databases_size_is_told() -> None:
    assert queries.database_bytes() > 10_000


def test_ids_that_are_no_ids_match_nothing() -> None:
    save_now(batch(make_span(), make_log(trace=trace_id(1))))
    for text in ("zz", "abc", "0", "' OR 1=1 --", "\u00e9"):
        f = TelemetryFilter(trace_id=text)
        assert [*queries.traces(f), *queries.spans(f), *queries.logs(f)] == []


def test_warnings_are_found_without_looking_at_all_else(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("plans are worded differently, and depend on what PostgreSQL has counted")
    plan = queries.logs(TelemetryFilter(severity=17)).prefetch_related(None).explain()
    assert "USING INDEX log_warning" in plan
    assert "log_warning" not in queries.logs(TelemetryFilter(severity=9)).prefetch_related(None).explain()
