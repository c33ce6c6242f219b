"""What points at rows that became one with another: points, exemplars, summaries of traces, latencies.

Before: `interned` and `items`. Of points of one moment the first is kept, as at ingest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings

from collector.redact import SERVICE
from collector.redaction import MASK, Rules
from collector.rewriting.interned import OPERATIONS, STREAMS
from collector.rewriting.shapes import Kind, Looked, Merged, looked, page_of, plain
from collector.rollup import Subject, series_of
from collector.rollup.cardinality import TABLE as COUNTED
from collector.rollup.merging import merge, renumber, windows_of
from collector.rollup.news import settle
from collector.sql import delete_rows, execute, is_sqlite, rows_at, rows_in, update_rows
from collector.store import EXEMPLARS, POINTS, Table
from collector.summary import MAX_SERVICES_CHARACTERS, SEPARATOR

TRACES = "collector_trace"
MAX_SERVICE_CHARS = 200  # of a service in a summary
WINDOWS = 20_000  # rows of latencies looked at together


def kinds(merged: Merged) -> list[Kind]:
    """In any order, but after what they point at."""
    return [
        *(
            Kind(
                f"{name} of streams that are one now",
                table.name,
                partial(_look_at_streams, table, merged, list[int]()),
                partial(_move, table, merged),
                is_of_others=True,
            )
            for name, table in (("metric points", POINTS), ("exemplars", EXEMPLARS))
        ),
        Kind("traces", TRACES, partial(_look_at_traces, merged), partial(_rewrite_traces, merged), first=b""),
        Kind(
            "days of operations that are one now", COUNTED, partial(_look_at_days, merged), _renumber, is_of_others=True
        ),
        *latencies(Subject.OPERATION, partial(_moved_series, merged)),
    ]


# Points and exemplars


def _look_at_streams(table: Table, merged: Merged, streams: list[int], after: int, limit: int) -> Looked:
    """The rows of some streams: `after` counts these, which are put in order once."""
    if not after:
        streams[:] = sorted(merged.ids[STREAMS])
    ids: list[int] = []
    at = after
    while at < len(streams) and len(ids) < limit:
        ids += [row[0] for row in rows_in(table.name, ("id",), "stream_id", streams[at : at + 1])]
        at += 1
    return Looked(at if at < len(streams) else None, len(ids), sorted(ids))


def _move(table: Table, merged: Merged, changes: Sequence[int]) -> int:
    moved = merged.ids[STREAMS]
    rows = sorted(
        tuple(map(plain, row)) for row in rows_in(table.name, ("id", *table.identity), "id", changes) if row[1] in moved
    )
    merged.among(STREAMS, (moved[row[1]] for row in rows))
    places = {row[0]: (moved[row[1]], *row[2:]) for row in rows}
    found = rows_at(table.name, table.identity, sorted(set(places.values())), ("id", *table.identity))
    there = {tuple(map(plain, row[1:])): row[0] for row in found}
    gone: list[int] = []
    for row_id, place in places.items():
        other = there.setdefault(place, row_id)
        gone += [max(other, row_id)] if other != row_id else []
        there[place] = min(other, row_id)
    delete_rows(table.name, gone)
    left = set(places) - set(gone)
    update_rows(table.name, ("stream_id",), [(places[row_id][0], row_id) for row_id in sorted(left)])
    return len(rows)


# Summaries of traces


def _look_at_traces(merged: Merged, after: bytes, limit: int) -> Looked:
    rows = page_of(TRACES, ("services", "head_operation_id"), after, limit, "trace_id")
    moved = merged.ids[OPERATIONS]
    changes = [
        trace_id for trace_id, services, head in rows if head in moved or _masked(trace_id, services) != services
    ]
    return looked(rows, limit, changes)


def _rewrite_traces(merged: Merged, changes: Sequence[bytes]) -> int:
    """Summaries change while spans come: they are read again."""
    if not is_sqlite():
        places = ",".join(["%s"] * len(changes))
        sql = f"SELECT 1 FROM {TRACES} WHERE trace_id IN ({places}) ORDER BY trace_id FOR UPDATE"
        execute(sql, changes).fetchall()
    moved = merged.ids[OPERATIONS]
    rows = [tuple(map(plain, row)) for row in rows_in(TRACES, TRACE_COLUMNS, "trace_id", changes)]
    merged.among(OPERATIONS, (moved.get(head, head) for _, _, head in rows))
    update_rows(
        TRACES,
        TRACE_COLUMNS[1:],
        [(_masked(trace_id, services), moved.get(head, head), trace_id) for trace_id, services, head in rows],
        key="trace_id",
    )
    return len(rows)


TRACE_COLUMNS = ("trace_id", "services", "head_operation_id")


def _masked(trace_id: bytes, services: str) -> str:
    """The names of services, each once. Of one that was cut the whole is asked: half a secret may not be known."""
    rules: Rules | None = settings.REDACTION
    if rules is None:
        return services
    names = services.split(SEPARATOR)[1:-1]
    if any(len(name) >= MAX_SERVICE_CHARS for name in names):
        found = execute(
            "SELECT r.service, min(s.id) FROM collector_span s JOIN collector_resource r ON r.id = s.resource_id"
            " WHERE s.trace_id = %s GROUP BY r.service ORDER BY 2",
            (trace_id,),
        ).fetchall()
        names = [row[0] for row in found] or [MASK if len(name) >= MAX_SERVICE_CHARS else name for name in names]
    hidden = rules.hides(SERVICE)
    once = dict.fromkeys((MASK if hidden else rules.text(name))[:MAX_SERVICE_CHARS] for name in names)
    kept, text = iter(once), SEPARATOR
    for name in kept:
        text += name + SEPARATOR
        if len(text) > MAX_SERVICES_CHARACTERS:
            break
    return text if once else services


# Latencies


def latencies(subject: Subject, moved: Callable[[], Mapping[int, int]]) -> list[Kind]:
    """The windows of series that became one with another: asked for once, before the first is looked at."""
    name = "latencies of what is one now"
    series: dict[int, int] = {}

    def look_whether(after: int, limit: int) -> Looked:
        series.update(moved())
        return Looked(None, 0, [1] if series else [])

    def settled(changes: Sequence[Any]) -> int:
        settle()
        return 0

    def look(after: int, limit: int) -> Looked:
        last, found = windows_of(subject, series, after, limit) if series else (None, [])
        return Looked(last, len(found), found)

    def rewrite(changes: Sequence[int]) -> int:
        return merge(subject, series, changes)

    return [
        Kind(name, "collector_rollup", look_whether, settled, is_of_others=True),
        Kind(name, "collector_rollup", look, rewrite, page=WINDOWS, is_of_others=True),
    ]


def _moved_series(merged: Merged) -> Mapping[int, int]:
    pairs = merged.ids[OPERATIONS].items()
    return {series_of(old, error): series_of(new, error) for old, new in pairs for error in (False, True)}


def _look_at_days(merged: Merged, after: int, limit: int) -> Looked:
    pairs = sorted(merged.ids[OPERATIONS].items())
    return Looked(None, len(pairs), pairs)


def _renumber(changes: Sequence[tuple[int, int]]) -> int:
    words = dict(rows_in(OPERATIONS, ("id", "service"), "id", sorted({other for _, other in changes})))
    return renumber(Subject.OPERATION, dict(changes), words)
