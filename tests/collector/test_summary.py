"""A trace's row is what its stored spans add up to, in whatever order, cut and repetition they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import intern
from collector.ingest import save_now
from collector.models import Span, Trace
from collector.summary import MAX_SERVICES_CHARACTERS, SEPARATOR
from tests.factories import MS, T0_NS, MadeSpan, batch, make_span, span_id, trace_id

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Summary:
    """What a trace's row says; services without their order, which is that of arrival."""

    start_ns: int
    end_ns: int
    duration_ns: int
    span_count: int
    error_count: int
    services: frozenset[str]
    has_root: bool
    head: str


def kept() -> dict[str, Summary]:
    """What the rows say."""
    return {
        trace.trace_id: Summary(
            trace.start_ns,
            trace.end_ns,
            trace.duration_ns,
            trace.span_count,
            trace.error_count,
            frozenset(trace.services.strip(SEPARATOR).split(SEPARATOR)),
            not trace.head_is_child,
            f"{trace.head_span_id} {trace.head_operation.name}",
        )
        for trace in Trace.objects.select_related("head_operation")
    }


def worked_out() -> dict[str, Summary]:
    """The same from the stored spans."""
    by_trace: dict[str, list[Span]] = {}
    for span in Span.objects.select_related("operation", "resource"):
        by_trace.setdefault(span.trace_id, []).append(span)
    return {found: _summary(spans) for found, spans in by_trace.items()}


def _summary(spans: list[Span]) -> Summary:
    start_ns = min(span.start_ns for span in spans)
    end_ns = max(span.start_ns + max(span.duration_ns or 0, 0) for span in spans)
    head = min(spans, key=lambda span: (span.parent_span_id is not None, span.start_ns, span.span_id))
    return Summary(
        start_ns,
        end_ns,
        end_ns - start_ns,
        len(spans),
        sum(span.status_code == 2 for span in spans),
        frozenset(span.resource.service for span in spans),
        head.parent_span_id is None,
        f"{head.span_id} {head.operation.name}",
    )


SPANS = st.builds(
    lambda trace, span, parent, start, duration, status, service, name: make_span(
        name,
        service=service,
        trace=trace_id(trace),
        span=span_id(span),
        parent=parent and span_id(parent),
        start_ns=T0_NS + start * MS,
        duration_ns=duration and duration * MS,
        status=status,
    ),
    trace=st.integers(1, 3),
    span=st.integers(1, 12),
    parent=st.none() | st.integers(1, 12),
    start=st.integers(-5, 5),
    duration=st.none() | st.integers(-3, 9),
    status=st.sampled_from(["unset", "ok", "error"]),
    service=st.sampled_from(["a", "ab", "b", "a b", "till"]),
    name=st.sampled_from(["GET", "POST"]),
)


class TakenBack(Exception):
    """Ends a transaction without a trace."""


@given(st.lists(st.lists(SPANS, max_size=8), min_size=1, max_size=6))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_cut_and_repetition_adds_up_to_the_stored_spans(batches: list[list[MadeSpan]]) -> None:
    intern.forget()
    try:
        with transaction.atomic():
            for made in batches:
                save_now(batch(*made))
            assert kept() == worked_out()
            for made in reversed(batches):
                save_now(batch(*made))
            assert kept() == worked_out()
            raise TakenBack
    except TakenBack:
        pass


def test_children_first_then_their_root() -> None:
    trace = trace_id(1)
    child: dict[str, Any] = {"trace": trace, "parent": span_id(1), "start_ns": T0_NS + 2 * MS}
    save_now(batch(make_span("exec", service="router", **child)))
    row = Trace.objects.get()
    assert (row.head_operation.name, row.head_is_child, row.span_count) == ("exec", 1, 1)
    save_now(batch(make_span("plan", trace=trace, span=span_id(1), start_ns=T0_NS, duration_ns=20 * MS)))
    row = Trace.objects.get()
    assert (row.head_operation.name, row.head_is_child, row.span_count) == ("plan", 0, 2)
    assert (row.start_ns, row.end_ns, row.duration_ns) == (T0_NS, T0_NS + 20 * MS, 20 * MS)
    assert row.services == f"{SEPARATOR}router{SEPARATOR}shop{SEPARATOR}"


def test_an_earlier_child_does_not_take_a_roots_place() -> None:
    trace = trace_id(1)
    save_now(batch(make_span("plan", trace=trace, start_ns=T0_NS)))
    save_now(batch(make_span("early", trace=trace, parent=span_id(9), start_ns=T0_NS - MS)))
    row = Trace.objects.get()
    assert (row.head_operation.name, row.start_ns) == ("plan", T0_NS - MS)


def test_a_service_whose_name_is_part_of_anothers_is_listed_too() -> None:
    trace = trace_id(1)
    for service in ("shop-till", "shop", "till", "shop"):
        save_now(batch(make_span(service=service, trace=trace)))
    assert Trace.objects.get().services.split(SEPARATOR) == ["", "shop-till", "shop", "till", ""]


def test_a_trace_of_endless_services_keeps_a_row_of_bounded_size() -> None:
    trace = trace_id(1)
    names = [f"{n:03}" + "x" * 300 for n in range(100)]
    save_now(batch(*(make_span(service=name, trace=trace) for name in names)))
    services = Trace.objects.get().services
    assert services.startswith(f"{SEPARATOR}000x")
    assert len(services) <= MAX_SERVICES_CHARACTERS + 202
    assert Trace.objects.get().span_count == 100
