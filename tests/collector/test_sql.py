"""Rows are looked up by their keys, each for itself, however many others there are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from collector import sql
from collector.ingest import save_now
from collector.models import Span
from collector.rollup import count_news
from tests.factories import batch, make_span, span_id, trace_id

pytestmark = pytest.mark.django_db


def test_rows_are_found_by_their_keys() -> None:
    save_now(batch(*(make_span(trace=trace_id(number), span=span_id(number)) for number in range(1, 1_200))))
    spans = list(Span.objects.filter(pk__gte=0).values_list("trace_id", "span_id", "day"))
    keys = [(bytes.fromhex(str(trace)), bytes.fromhex(str(span)), day) for trace, span, day in spans]
    others = [(trace, span, day + 1) for trace, span, day in keys]
    identity = ("trace_id", "span_id", "day")
    assert len(list(sql.rows_at("collector_span", identity, keys + others, ("id",)))) == len(keys) == 1_199
    assert list(sql.rows_at("collector_span", identity, [], ("id",))) == []


def test_sqlite_seeks_in_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    if not sql.is_sqlite():
        pytest.skip("about SQLite's planner, which counts nothing")
    execute, asked = sql.execute, list[tuple[str, Sequence[object]]]()

    def noted(statement: str, parameters: Sequence[object] = ()) -> object:
        asked.append((statement, parameters))
        return execute(statement, parameters)

    monkeypatch.setattr("collector.sql.execute", noted)
    span = make_span()
    for _ in range(2):
        save_now(batch(span))  # the second time it is looked for
    count_news()
    looked = [each for each in asked if "CROSS JOIN" in each[0]]
    assert {word for statement, _ in looked for word in statement.split() if word.startswith("collector_")} == {
        "collector_span",
        "collector_rollup",
        "collector_countedseries",
    }
    for statement, parameters in looked:
        plan = str([row[3] for row in execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()])
        assert "SEARCH collector_" in plan
        assert "SCAN collector_" not in plan
