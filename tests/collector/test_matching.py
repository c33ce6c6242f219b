"""What a filter finds: the same on both databases, in the list of spans and in that of traces."""

from __future__ import annotations

from typing import Any

import pytest

from collector import having, queries
from collector.ingest import save_now
from collector.queries import TelemetryFilter
from dashboard.filter_language import read_filter
from tests.factories import MS, SECOND, T0_NS, batch, make_resource, make_span, span_id, trace_id

pytestmark = pytest.mark.django_db

SPANS: dict[str, dict[str, Any]] = {
    "whole": {"http.status_code": 200, "user": "Ann", "flag": True},
    "text": {"http.status_code": "200", "user": "bob", "flag": "true"},
    "real": {"http.status_code": 404.5, "list": ["a", 1], "nothing": None},
    "none": {},
    "odd": {"a key": "100%", "user": "O'Neil_x", "emoji \u2728": "yes", "http.status_codex": 1, "flag": False},
}


def fill() -> None:
    save_now(
        batch(
            *(
                make_span(
                    name, trace=trace_id(number), span=span_id(number), start_ns=T0_NS + number * MS,
                    duration_ns=None if name == "none" else number * SECOND, attributes=attributes,
                    resource=make_resource("shop" if number < 4 else "till", k8s_pod_name=f"pod-{number}"),
                    status="error" if name == "real" else "unset", kind=2 if name == "whole" else 1,
                    status_message="no such thing" if name == "real" else None,
                    parent=None if name == "whole" else span_id(99),
                )
                for number, (name, attributes) in enumerate(SPANS.items(), 1)
            )
        )
    )  # fmt: skip


ALL = set(SPANS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http.status_code = 200", {"whole", "text"}),
        ("http.status_code != 200", {"real"}),
        ("not http.status_code = 200", {"real", "none", "odd"}),
        ("http.status_code > 200", {"real"}),
        ("http.status_code >= 200", {"whole", "real"}),
        ("http.status_code < 404.5", {"whole"}),
        ("http.status_code ~ 04", {"real"}),
        ("http.status_code = *", {"whole", "text", "real"}),
        ("http.status_code != *", {"none", "odd"}),
        ("nothing = *", {"real"}),
        ("list = *", {"real"}),
        ("flag = true", {"whole", "text"}),
        ("flag = TRUE", {"whole"}),
        ("flag != true", {"odd"}),
        ("user = Ann", {"whole"}),
        ("user ~ ann", {"whole"}),
        ("user != Ann", {"text", "odd"}),
        ("user > Zoe", {"text"}),
        ('user = "O\'Neil_x"', {"odd"}),
        ("user ~ l_x", {"odd"}),
        ("user ~ n_x", set()),
        ('"a key" ~ "%"', {"odd"}),
        ('"a key" ~ "1%0"', set()),
        ('"emoji \u2728" = yes', {"odd"}),
        ("k8s.pod.name = pod-2", {"text"}),
        ("resource.k8s.pod.name = *", ALL),
        ("span.k8s.pod.name = *", set()),
        ("service = till", {"none", "odd"}),
        ("service != till", {"whole", "text", "real"}),
        ("name ~ DD", {"odd"}),
        ("kind = server", {"whole"}),
        ("status = error", {"real"}),
        ("status_message ~ such", {"real"}),
        ("not status_message ~ such", ALL - {"real"}),
        ("status_message != gone", ALL),
        ("duration > 2s", {"real", "odd"}),
        ("not duration > 2s", {"whole", "text", "none"}),
        ("root = true", {"whole"}),
        ("root = false", ALL - {"whole"}),
        ("scope = tests", ALL),
        (f"trace_id = {trace_id(3)}", {"real"}),
        (f"span_id != {span_id(3)}", ALL - {"real"}),
        (f"span_id = {trace_id(3)}", set()),  # too long for one
        (f"span_id != {trace_id(3)}", ALL),
        ('"whole" or user = bob', {"whole", "text"}),
        ("service = shop and duration > 1s and not http.status_code = 200", {"real"}),
        ("not (user = * or flag = *)", {"real", "none"}),
        ("not not user = bob", {"text"}),
    ],
)
def test_it_finds_the_spans_and_their_traces(text: str, found: set[str]) -> None:
    fill()
    where = read_filter(text)
    assert not isinstance(where, str)
    f = TelemetryFilter(where=where)
    assert {span.operation.name for span in queries.spans(f)} == found
    assert {trace.head_operation.name for trace in queries.traces(f)} == found


def test_one_span_of_a_trace_has_to_meet_all_of_it() -> None:
    save_now(
        batch(
            make_span("a", trace=trace_id(1), span=span_id(1), attributes={"x": 1}),
            make_span("b", trace=trace_id(1), span=span_id(2), attributes={"y": 1}),
        )
    )
    both, either = read_filter("x = 1 and y = 1"), read_filter("x = 1 or y = 1")
    assert not isinstance(both, str)
    assert not isinstance(either, str)
    assert not queries.traces(TelemetryFilter(where=both)).exists()
    assert queries.traces(TelemetryFilter(where=either)).count() == 1


def test_many_and_few_spans_that_match_give_the_same_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    where = read_filter("not http.status_code = 200")
    assert not isinstance(where, str)
    few = list(queries.traces(TelemetryFilter(where=where)))
    monkeypatch.setattr(having, "FEW_SPANS", 1)
    assert list(queries.traces(TelemetryFilter(where=where))) == few
    assert len(few) == 3


def test_attributes_are_looked_at_in_so_many_spans_and_it_says_where_that_ends() -> None:
    fill()
    where = read_filter("http.status_code = *")
    assert not isinstance(where, str)
    f = TelemetryFilter(where=where, most_looked_at=3)
    # Newest first, up to and with the moment that is said: odd, none, real, text.
    assert [trace.head_operation.name for trace in queries.traces(f)] == ["real", "text"]
    assert queries.looked_until(f) == T0_NS + 2 * MS
    assert [span.operation.name for span in queries.spans(f)] == ["whole", "text", "real"]
    assert queries.looked_until(f, oldest_first=True) == T0_NS + 4 * MS
    rest = TelemetryFilter(where=where, most_looked_at=3, to_ns=queries.looked_until(f))
    assert queries.looked_until(rest) is None
    assert [trace.head_operation.name for trace in queries.traces(rest)] == ["whole"], "it goes on there"
    by_index = read_filter("service = shop and duration > 1s")
    assert not isinstance(by_index, str)
    assert queries.looked_until(TelemetryFilter(where=by_index, most_looked_at=3)) is None
