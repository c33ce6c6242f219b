"""Every export as people read it further: pandas and DuckDB find the right types, and every nanosecond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas
import pytest
from django.http import QueryDict

from collector.ingest import save_now
from dashboard.export import NAMES, csv_chunks, parse_export
from sandboxes.models import Claim
from tests.dashboard.test_export import ASKED
from tests.dashboard.test_runs import ended
from tests.factories import MS, T0_NS, batch, make_histogram, make_log, make_point, make_span, span_id, trace_id
from tests.sandboxes.loading import link

pytestmark = pytest.mark.django_db

HARD = 'naïve "quoted", 寿司 🍣\r\nsecond line;\ttab'
COUNTS = {"count", "errors", "requested", "ready", "failed", "cancelled", "number", "cold", "warm", "timed_out"}
TIMES = {"time", "start_time", "window_start", "started", "created", "ready", "deleted", "start", "end", "from", "to"}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One of everything, with texts that are hard to write down."""
    ended()
    link(Claim.objects.all()[0], trace_id(1), span_id(1))
    for number in (1, 2):
        start_ns = T0_NS + number * MS + 1
        save_now(
            batch(
                make_span(
                    HARD, trace=trace_id(number), span=span_id(number), start_ns=start_ns, attributes={"a": HARD}
                ),
                make_log(HARD, trace=trace_id(number), time_ns=start_ns, severity=9),
                make_histogram([10.0, 20.5], [5, 4, 1], sum=120.5, time_ns=start_ns),
                make_point(2.5, time_ns=start_ns),
            )
        )
    found = {}
    for name in NAMES:
        found[name] = tmp_path / f"{name}.csv"
        found[name].write_bytes(b"".join(csv_chunks(name, parse_export(name, QueryDict(ASKED.get(name, ""))))))
    return found


def expected(name: str, column: str) -> str:
    """What a column of an export holds: whole, real, time or text."""
    column = column.removeprefix("a_").removeprefix("b_")  # of either side
    if column.endswith("_ns") or (column in COUNTS and (name, column) != ("claims", "ready")):
        return "whole"
    if column.endswith("_ms") or column in ("value", "sum", "min", "max", "p50", "p95", "p99"):
        return "real"
    return "time" if column in TIMES else "text"


def test_duckdb_finds_the_right_types(files: dict[str, Path]) -> None:
    types = {"whole": "BIGINT", "real": "DOUBLE", "time": "TIMESTAMP WITH TIME ZONE"}
    for name, file in files.items():
        table = duckdb.read_csv(str(file), sample_size=-1)
        rows = table.fetchall()
        assert rows, name
        for place, (column, kind) in enumerate(zip(table.columns, map(str, table.types), strict=True)):
            unknown = all(row[place] is None for row in rows)  # nothing to tell by
            if not unknown and expected(name, column) in types:
                assert kind == types[expected(name, column)], (name, column)


def test_pandas_finds_the_right_types_and_the_same_rows(files: dict[str, Path]) -> None:
    for name, file in files.items():
        frame: Any = pandas.read_csv(file, dtype_backend="numpy_nullable")
        assert len(frame) == len(duckdb.read_csv(str(file), sample_size=-1).fetchall()), name
        for column in frame.columns[~frame.isna().all()]:
            kind = expected(name, column)
            if kind in ("whole", "real"):
                assert str(frame[column].dtype) == {"whole": "Int64", "real": "Float64"}[kind], (name, column)
            if kind == "time":
                assert pandas.to_datetime(frame[column].dropna(), format="ISO8601", utc=True).notna().all()


def test_nanoseconds_and_texts_are_what_they_were(files: dict[str, Path]) -> None:
    frame: Any = pandas.read_csv(files["spans"])
    assert frame["start_ns"].tolist() == [T0_NS + MS + 1, T0_NS + 2 * MS + 1]
    times = pandas.to_datetime(frame["start_time"]).astype("datetime64[ns, UTC]")
    assert times.astype("int64").tolist() == frame["start_ns"].tolist()
    assert set(frame["name"]) == {HARD}
    found = duckdb.read_csv(str(files["spans"]), sample_size=-1)
    wanted = found.project("start_ns, name, json_extract_string(attributes, 'a')").order("start_ns").fetchall()
    assert wanted == [(T0_NS + number * MS + 1, HARD, HARD) for number in (1, 2)]
