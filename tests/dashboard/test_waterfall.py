"""From a trace's spans to rows, whatever is missing or wrong with them."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.axis import scale_ns, ticks
from dashboard.owners import addressed, owner
from dashboard.trace.critical_path import critical_path
from dashboard.trace.statistics import operation_times
from dashboard.trace.tree import SpanFacts, TraceTree, build_tree
from dashboard.trace.waterfall import Row, draw
from dashboard.trace.waterfall_html import map_html, rows_html

MS = 10**6
SECOND = 10**9


def span(span_id: str, parent: str | None, start_ms: float, length_ms: float | None, **facts: Any) -> SpanFacts:
    """A span named like its id, at milliseconds after zero."""
    duration_ns = None if length_ms is None else int(length_ms * MS)
    defaults = {"name": span_id, "service": "shop"}
    return SpanFacts(span_id, parent, start_ns=int(start_ms * MS), duration_ns=duration_ns, **defaults | facts)


def shape(tree: TraceTree) -> list[tuple[str, int]]:
    return [(node.span_id, node.depth) for node in tree.walk()]


def rows_of(*spans: SpanFacts, keep: str = "") -> dict[str, Row]:
    return {row.key: row for row in draw(build_tree(spans), keep).rows}


def path_of(*spans: SpanFacts) -> dict[str, list[tuple[int, int]]]:
    """The critical path by span id, in ms, early parts first."""
    tree = build_tree(spans)
    path = critical_path(tree)
    return {
        node.span_id: [(start // MS, end // MS) for start, end in reversed(path[id(node)])]
        for node in tree.walk()
        if id(node) in path
    }


def test_children_stand_below_their_parents_by_start() -> None:
    spans = [span("c", "a", 50, 10), span("d", "b", 20, 5), span("b", "a", 10, 20), span("a", None, 0, 100)]
    assert shape(build_tree(spans)) == [("a", 0), ("b", 1), ("d", 2), ("c", 1)]


def test_several_roots_are_all_drawn() -> None:
    assert shape(build_tree([span("b", None, 5, 10), span("a", None, 0, 10)])) == [("a", 0), ("b", 0)]


def test_spans_of_a_lost_parent_stand_below_a_placeholder_that_spans_them() -> None:
    rows = rows_of(span("a", None, 0, 100), span("b", "lost", 20, 10), span("c", "lost", 50, 20))
    assert list(rows) == ["a", "lost", "b", "c"]
    lost = rows["lost"]
    assert lost.span is None
    assert (lost.bar.x, lost.bar.end) == (rows["b"].bar.x, rows["c"].bar.end)


def test_a_late_parent_takes_the_place_of_its_placeholder() -> None:
    spans = [span("b", "a", 20, 10), span("a", None, 0, 100)]
    assert shape(build_tree(spans[:1])) == [("a", 0), ("b", 1)]
    assert shape(build_tree(spans)) == [("a", 0), ("b", 1)]
    assert rows_of(*spans)["a"].span is not None


def test_a_ring_of_spans_is_cut_at_its_earliest_and_marked() -> None:
    ring = [span("b", "c", 10, 5), span("c", "d", 20, 5), span("d", "b", 30, 5), span("e", "c", 40, 1)]
    rows = rows_of(span("a", None, 0, 100), *ring)
    assert [(row.key, row.depth) for row in rows.values()] == [("a", 0), ("b", 0), ("d", 1), ("c", 2), ("e", 3)]
    assert [key for key, row in rows.items() if row.in_cycle] == ["b"]


def test_a_span_that_is_its_own_parent_is_drawn_once() -> None:
    rows = rows_of(span("a", "a", 0, 10))
    assert [(row.key, row.depth, row.in_cycle) for row in rows.values()] == [("a", 0, True)]


def test_an_unknown_end_is_open_until_the_traces_end() -> None:
    rows = rows_of(span("a", None, 0, 100), span("b", "a", 40, None))
    assert rows["b"].open
    assert rows["b"].bar.end == pytest.approx(rows["a"].bar.end, abs=0.02)


def test_an_end_before_the_start_takes_no_room() -> None:
    rows = rows_of(span("a", None, 0, 100), span("b", "a", 40, -5))
    assert rows["b"].backwards
    assert rows["b"].bar.width == 0


def test_a_trace_of_no_length_still_has_an_axis() -> None:
    drawn = draw(build_tree([span("a", None, 0, 0)]))
    assert drawn.rows[0].bar.x == 0
    assert drawn.ticks


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 50), st.integers(-5, 50)), min_size=1))
@settings(max_examples=300, deadline=None)
def test_every_span_is_drawn_exactly_once_whatever_points_where(made: list[tuple[int, int, int, int]]) -> None:
    spans = [span(f"s{i}", f"s{parent}" if parent else None, start, length) for i, parent, start, length in made]
    tree = build_tree(spans)
    drawn = [node.span for node in tree.walk() if node.span is not None]
    assert len(drawn) == len(spans)
    assert {id(s) for s in drawn} == {id(s) for s in spans}
    assert all(0 <= node.self_ns <= node.end_ns - node.start_ns for node in tree.walk())


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12), st.integers(0, 50), st.integers(0, 50)), min_size=1))
@settings(max_examples=300, deadline=None)
def test_the_critical_path_waits_for_one_span_at_a_time(made: list[tuple[int, int, int, int]]) -> None:
    tree = build_tree(
        [span(f"s{i}", f"s{parent}" if parent else None, start, length) for i, parent, start, length in made]
    )
    by_id = {id(node): node for node in tree.walk()}
    parts = []
    for key, segments in critical_path(tree).items():
        for start_ns, end_ns in segments:
            assert by_id[key].start_ns <= start_ns < end_ns <= by_id[key].end_ns
            parts.append((start_ns, end_ns))
    parts.sort()
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(parts))


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12), st.integers(0, 50), st.integers(0, 50)), min_size=1))
@settings(max_examples=300, deadline=None)
def test_leaving_out_short_parts_of_the_critical_path_changes_no_other(made: list[tuple[int, int, int, int]]) -> None:
    tree = build_tree(
        [span(f"s{i}", f"s{parent}" if parent else None, start, length) for i, parent, start, length in made]
    )
    whole, shortest_ns = critical_path(tree), 10 * MS
    longer = {key: [part for part in parts if part[1] - part[0] >= shortest_ns] for key, parts in whole.items()}
    assert critical_path(tree, shortest_ns) == {key: parts for key, parts in longer.items() if parts}


def test_the_critical_path_goes_through_what_ended_last() -> None:
    path = path_of(
        span("a", None, 0, 100), span("quick", "a", 10, 20), span("slow", "a", 10, 60), span("last", "a", 80, 15)
    )
    assert path == {"a": [(0, 10), (70, 80), (95, 100)], "slow": [(10, 70)], "last": [(80, 95)]}


def test_the_critical_path_follows_a_span_that_outlives_its_parent() -> None:
    path = path_of(span("a", None, 0, 100), span("send", "a", 0, 5), span("work", "send", 10, 80))
    assert path == {"a": [(5, 10), (90, 100)], "send": [(0, 5)], "work": [(10, 90)]}


def test_the_critical_path_follows_a_span_far_below_that_outlives_all_above_it() -> None:
    path = path_of(
        span("a", None, 0, 100),
        span("b", "a", 0, 40),
        span("c", "b", 0, 30),
        span("d", "c", 35, 55),
        span("e", "b", 0, 5),
    )
    assert path == {"a": [(90, 100)], "b": [(30, 35)], "c": [(0, 30)], "d": [(35, 90)]}


def test_attributes_are_read_when_they_tell_something() -> None:
    one = span("a", None, 0, 10, said='{"http.response.status_code": 503, "thread.id": 7}')
    other = span("b", "a", 0, 10, said='{"thread.id": 7}')
    assert one.attributes == {"http.response.status_code": 503, "thread.id": 7}
    assert not other.attributes
    assert rows_of(one, other)["a"].problem == "HTTP 503"


def test_self_time_leaves_out_what_children_cover_once() -> None:
    tree = build_tree([span("a", None, 0, 100), span("b", "a", 10, 30), span("c", "a", 20, 30), span("d", "a", 90, 50)])
    assert tree.roots[0].self_ns == 50 * MS


def test_small_siblings_fold_into_a_counted_row() -> None:
    small = [span(f"s{i}", "a", i, 0.5) for i in range(4)]
    rows = rows_of(span("a", None, 0, 100), *small, span("b", "a", 10, 20))
    fold = rows["fold-s0"]
    assert fold.folded == 4
    assert list(rows)[:3] == ["a", "b", "fold-s0"]
    assert all(rows[f"s{i}"].hidden and rows[f"s{i}"].depth == fold.depth + 1 for i in range(4))


def test_failed_chosen_or_few_small_spans_do_not_fold() -> None:
    small = [span("s0", "a", 0, 0.5, is_error=True), *[span(f"s{i}", "a", i, 0.5) for i in range(1, 4)]]
    rows = rows_of(span("a", None, 0, 100), *small, keep="s2")
    assert not [row for row in rows.values() if row.folded]


def test_in_a_short_trace_nothing_folds() -> None:
    rows = rows_of(span("a", None, 0, 5), *[span(f"s{i}", "a", i, 0.5) for i in range(4)])
    assert not [row for row in rows.values() if row.folded]


def test_a_label_that_would_leave_the_axis_stands_left_of_its_bar() -> None:
    rows = rows_of(span("a", None, 0, 1000), span("early", "a", 100, 100), span("late", "a", 980, 20))
    assert (rows["a"].label, rows["early"].label, rows["late"].label) == ("right", "right", "left")


def test_zoom_cuts_bars_off_and_moves_the_ticks() -> None:
    spans = [span("a", None, 0, 1000), span("early", "a", 100, 100), span("mid", "a", 450, 200)]
    drawn = draw(build_tree(spans), zoom=(500 * MS, 600 * MS))
    a, early, mid = drawn.rows
    assert (a.bar.x, a.bar.end, a.label) == (0, 100, "inside")
    assert (mid.bar.x, mid.bar.end) == (0, 100)
    assert not early.bar.inside
    assert "M89 1.5h89" in map_html(drawn)  # on the map it is where it was
    assert [tick.label for tick in drawn.ticks] == ["500 ms", "520", "540", "560", "580", "600"]
    assert drawn.window.x == pytest.approx(44.6, abs=0.1)
    assert drawn.window.width == pytest.approx(8.9, abs=0.1)


def test_a_row_says_what_tells_it_apart_and_what_went_wrong() -> None:
    rows = rows_of(
        span("a", None, 0, 100, said={"sandbox.command.executable": "ls", "sandbox.exit_code": 2}),
        span("b", "a", 0, 10, said={"http.response.status_code": 503}),
        span("c", "a", 0, 10, is_error=True, status_message="card declined\nat line 3"),
        span("d", "a", 0, 10, said={"sandbox.command.executable": "echo", "sandbox.exit_code": 0}),
    )
    assert (rows["a"].detail, rows["a"].problem) == ("ls", "exit 2")
    assert rows["b"].problem == "HTTP 503"
    assert rows["c"].problem == "card declined"
    assert (rows["d"].detail, rows["d"].problem) == ("echo  exit 0", "")


def test_a_row_names_its_service_where_it_changes() -> None:
    rows = rows_of(
        span("a", None, 0, 100), span("b", "a", 0, 50), span("c", "b", 0, 10, service="pay"),
        span("d", "c", 0, 5, service="pay"),
    )  # fmt: skip
    assert [row.service for row in rows.values()] == ["shop", "", "pay", ""]


@pytest.mark.parametrize(
    ("service", "scope", "name", "attributes", "whose"),
    [
        ("my-agent", "sandbox_client", "sandbox-client.create_claim", {}, "client"),
        ("my-agent", "my_agent", "my-agent.run", {}, "client"),
        ("agent-sandbox-controller", "agent-sandbox-controller", "ReconcileSandboxClaim", {}, "controller"),
        ("sandbox-router", "sandbox-router", "HTTP POST", {}, "router"),
        ("my-agent", "opentelemetry.instrumentation.requests", "POST", {"http.url": "http://r/execute"}, "client"),
        (
            "my-agent",
            "opentelemetry.instrumentation.urllib3",
            "GET",
            {"url.full": "https://k/apis/agents.x-k8s.io/v1beta1/namespaces/d/sandboxes/x"},
            "client",
        ),
        ("my-agent", "opentelemetry.instrumentation.requests", "POST", {"http.url": "http://llm/v1/chat"}, "program"),
        ("my-agent", "opentelemetry.instrumentation.requests", "POST", {"http.url": 7}, "program"),
        ("shop", "shop", "checkout", {}, "program"),
    ],
)
def test_a_span_belongs_to_who_made_it(
    service: str, scope: str, name: str, attributes: dict[str, Any], whose: str
) -> None:
    assert owner(service, scope, name, attributes) == whose


def test_a_call_below_a_client_span_is_the_clients() -> None:
    rows = rows_of(
        span("a", None, 0, 100, name="sandbox-client.run"), span("b", "a", 0, 50, kind=3), span("c", "a", 0, 50, kind=1)
    )
    assert [row.owner for row in rows.values()] == ["client", "client", "program"]


@pytest.mark.parametrize(
    ("name", "url", "shown"),
    [
        ("POST", "http://127.0.0.1:80/execute", "/execute"),
        (
            "GET",
            "https://k/apis/extensions.agents.x-k8s.io/v1beta1/namespaces/default/sandboxclaims?watch=True&x=1",
            "sandboxclaims watch",
        ),
        ("DELETE", "https://k/apis/agents.x-k8s.io/v1/namespaces/default/sandboxes/calm-fox", "sandboxes/calm-fox"),
        ("checkout", "http://shop/checkout", ""),
    ],
)
def test_a_call_named_by_its_method_says_what_it_went_to(name: str, url: str, shown: str) -> None:
    assert addressed(name, {"url.full": url}) == shown


@pytest.mark.parametrize("length_ns", [1, 7, 999, 10**3, 1_350 * MS, 22 * SECOND, 3_600 * SECOND, 2**62])
def test_ticks_are_round_and_few(length_ns: int) -> None:
    found = ticks(length_ns)
    assert 2 <= len(found) <= 9
    assert found[0].label == "0"
    assert all(0 <= tick.percent <= 100 for tick in found)


def test_ticks_name_the_unit_only_where_it_changes() -> None:
    labels = [tick.label for tick in ticks(1_500 * MS)]
    assert labels == ["0", "200 ms", "400", "600", "800", "1 s", "1.2", "1.4"]


@pytest.mark.parametrize(
    ("length_ns", "shown"),
    [
        (1_500 * MS, ["0", "400 ms", "800", "1.2 s"]),
        (4 * SECOND, ["0", "1 s", "2", "3", "4"]),
        (900 * MS, ["0", "400 ms", "800"]),
        (5_500 * MS, ["0", "2 s", "4"]),
    ],
)
def test_small_screens_have_the_unit_too_where_every_other_tick_gives_way(length_ns: int, shown: list[str]) -> None:
    majors = [tick for tick in ticks(length_ns) if not tick.minor]
    assert [f"{tick.label} {tick.narrow_unit}".strip() for tick in majors] == shown
    assert not any(tick.narrow_unit for tick in ticks(length_ns) if tick.minor)


def test_one_outlier_does_not_squeeze_the_other_bars() -> None:
    assert scale_ns([100 * MS] * 20 + [60 * SECOND]) == 100 * MS
    assert scale_ns([100 * MS, 250 * MS]) == 250 * MS
    assert scale_ns([]) > 0
    assert scale_ns([0, 0]) > 0


def test_statistics_add_self_times_up_to_the_whole() -> None:
    tree = build_tree([
        span("a", None, 0, 100), span("b", "a", 0, 30, name="get"), span("c", "a", 40, 30, name="get", is_error=True)
    ])  # fmt: skip
    rows = operation_times(tree)
    assert [(row.name, row.count, row.errors, row.self_ns // MS) for row in rows] == [
        ("get", 2, 1, 60),
        ("a", 1, 0, 40),
    ]
    assert sum(row.share for row in rows) == pytest.approx(100)
    assert (rows[0].mean_ns, rows[0].longest_ns) == (30 * MS, 30 * MS)


def test_what_senders_chose_never_becomes_markup() -> None:
    hostile = '"><script>alert(1)</script>'
    facts: dict[str, Any] = {
        "name": hostile, "service": hostile, "is_error": True, "status_message": hostile,
        "said": {"sandbox.command.executable": hostile, "url.full": hostile},
    }  # fmt: skip
    drawn = draw(build_tree([span("a", None, 0, 100), span("b", "a", 0, 50, **facts)]))
    html = rows_html(drawn, "", "icons.svg") + map_html(drawn)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "style=" not in html


def test_the_selected_row_is_marked_and_the_only_one_tab_reaches() -> None:
    html = rows_html(draw(build_tree([span("a", None, 0, 100), span("b", "a", 0, 50)])), "b", "icons.svg")
    assert html.count('tabindex="0"') == 1
    assert 'data-span-id="b" aria-selected="true"' in html


def test_5000_spans_nested_5000_deep_are_drawn_in_at_most_3_megabytes() -> None:
    spans = [span(f"{i:016x}", f"{i - 1:016x}" if i else None, i / 10, 1000 - i / 10) for i in range(5_000)]
    random.Random(1).shuffle(spans)
    drawn = draw(build_tree(spans))
    assert [row.depth for row in drawn.rows] == list(range(5_000))
    assert len(rows_html(drawn, "", "/static/icons.svg")) < 3 * 2**20


def long_trace(count: int) -> TraceTree:
    return build_tree([span("root", None, 0, count), *[span(f"s{i}", "root", i, 10) for i in range(1, count)]])


def test_of_a_long_trace_the_first_rows_are_drawn_and_those_around_the_selected() -> None:
    drawn = draw(long_trace(5_000), "s4000", whole=False)
    keys = [row.key for row in drawn.rows]
    assert keys == ["root", *[f"s{i}" for i in (*range(1, 500), *range(3_750, 4_250))]]
    assert {row.key: row.left_out for row in drawn.rows if row.left_out} == {"s499": 3_250, "s4249": 750}
    html = rows_html(drawn, "s4000", "icons.svg", "?rows=all&q=<b>")
    assert re.findall(r'<a href="([^"]+)">([\d,]+) more spans</a>', html) == [
        ("?rows=all&amp;q=&lt;b&gt;", "3,250"),
        ("?rows=all&amp;q=&lt;b&gt;", "750"),
    ]
    assert map_html(drawn).count("M") == 5_000


@pytest.mark.parametrize("selected", ["", "root", "s300", "s740", "s751", "s4999", "none of them"])
def test_drawn_or_left_out_every_span_is_counted_once(selected: str) -> None:
    drawn = draw(long_trace(5_000), selected, whole=False)
    keys = [row.key for row in drawn.rows]
    assert len(keys) == len(set(keys)) == 5_000 - sum(row.left_out for row in drawn.rows)
    assert selected in ["", "none of them", *keys]
    assert len(keys) < 1_100


def test_what_is_not_much_longer_is_drawn_whole() -> None:
    assert len(draw(long_trace(1_000), whole=False).rows) == 1_000


def test_long_axes_are_ticked_in_minutes_hours_and_days() -> None:
    def labels(seconds: int) -> list[str]:
        return [tick.label for tick in ticks(seconds * SECOND)]

    assert labels(599)[:3] == ["0", "100 s", "200"]
    assert labels(1_800)[:3] == ["0", "5 m", "10"]
    assert labels(6 * 3_600)[:3] == ["0", "1 h", "2"]
    assert labels(90 * 60)[-2:] == ["1.25", "1.5"]
    assert labels(228 * 86_400)[:3] == ["0", "50 d", "100"]
    assert all(len(labels(seconds)) <= 9 for seconds in range(600, 10**7, 9_973))
