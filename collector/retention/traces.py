"""Traces, each deleted whole once its last span is old: nobody should see half of one.

In the writer's transaction. A trace of more spans than a batch may have takes several: its summary goes first, with a
note of it in `PartlyPruned`, and the next batch goes on there, also after a crash.

Late spans are normal. One for a trace that is being deleted is deleted with it; one that comes after that is a trace of
its own, which is deleted in its turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.models import PartlyPruned
from collector.retention import arrivals, rows
from collector.sql import execute, is_sqlite

SPANS = "collector_span"
WINDOW = 1_000  # spans looked at together, at least
MAX_WINDOWS = 20  # before a batch leaves the rest to the next pass: 20 ms


def oldest_ns() -> int | None:
    """When the oldest span had come; long ago while a trace is half deleted."""
    return 0 if PartlyPruned.objects.exists() else rows.oldest_arrival(SPANS)


def prune(before_ns: int, limit: int) -> int:
    """Deletes traces whose spans all came before a moment, with what belongs to them; gives the rows deleted."""
    if (begun := _begun()) is not None:
        return _go_on(begun, limit)
    for last_id in _bounds(before_ns):
        if chosen := _walk.choose(last_id, limit):
            break
    else:
        return 0
    if sum(chosen.values()) > limit:
        [trace_id] = chosen
        return _begin(trace_id)
    return _delete_whole(list(chosen))


def _bounds(before_ns: int) -> list[int]:
    """Up to which span traces must have come to an end to be deleted. Of everything, rather those that have ended in
    the older half: a trace that began first may be the one that goes on."""
    if before_ns != rows.EVERYTHING:
        return [arrivals.last_id(SPANS, before_ns)]
    # One at a time: SQLite answers both in one SELECT by reading everything.
    first, last = execute(f"SELECT (SELECT min(id) FROM {SPANS}), (SELECT max(id) FROM {SPANS})").fetchone()
    return [] if first is None else [(first + last) // 2, last]


class _Walk:
    """Goes through spans as they came, looking for traces that have ended. Those that go on are passed by once a
    round, not once a batch; a round may take several passes."""

    def __init__(self) -> None:
        self._position = 0

    def choose(self, last_id: int, limit: int) -> dict[bytes, int]:
        """Ended traces, the first to end first, and their numbers of spans: what a batch may have, at least one."""
        for _ in range(MAX_WINDOWS):
            spans = execute(
                f"SELECT id, trace_id FROM {SPANS} WHERE id > %s AND id <= %s ORDER BY id LIMIT %s",
                (self._position, last_id, max(WINDOW, limit)),
            ).fetchall()
            if not spans:
                self._position = 0
                break
            if chosen := _ended(list(dict.fromkeys(bytes(row[1]) for row in spans)), last_id, limit):
                return chosen
            self._position = spans[-1][0]
        return {}


_walk = _Walk()


def _ended(trace_ids: list[bytes], last_id: int, limit: int) -> dict[bytes, int]:
    """Those without a span beyond `last_id`, up to the limit; locked, where somebody else may write."""
    if not is_sqlite():
        # A receiver that adds to a trace holds its summary: that trace stays, and nobody waits for anybody.
        locked = f"SELECT trace_id FROM collector_trace WHERE trace_id IN ({_places(trace_ids)}) FOR UPDATE SKIP LOCKED"
        free = {bytes(row[0]) for row in execute(locked, trace_ids).fetchall()}
        trace_ids = [trace_id for trace_id in trace_ids if trace_id in free]
        if not trace_ids:
            return {}
    counted = execute(
        f"SELECT trace_id, count(*), max(id) FROM {SPANS} WHERE trace_id IN ({_places(trace_ids)}) GROUP BY trace_id",
        trace_ids,
    ).fetchall()
    chosen: dict[bytes, int] = {}
    total = 0
    for last, trace_id, count in sorted((last, bytes(trace_id), count) for trace_id, count, last in counted):
        total += count
        if last > last_id or (chosen and total > limit):
            break
        chosen[trace_id] = count
    return chosen


def _delete_whole(trace_ids: list[bytes]) -> int:
    deleted = sum(delete(trace_ids, rows.EVERYTHING) for delete in rows.with_traces)
    for table in (SPANS, "collector_trace"):
        deleted += execute(f"DELETE FROM {table} WHERE trace_id IN ({_places(trace_ids)})", trace_ids).rowcount
    return deleted


def _begun() -> bytes | None:
    row = execute("SELECT trace_id FROM collector_partlypruned LIMIT 1").fetchone()
    return bytes(row[0]) if row else None


def _begin(trace_id: bytes) -> int:
    """From here on the trace is gone for pages, and what is left of it goes batch by batch."""
    execute("INSERT INTO collector_partlypruned (trace_id) VALUES (%s)", (trace_id,))
    return int(execute("DELETE FROM collector_trace WHERE trace_id = %s", (trace_id,)).rowcount)


def _go_on(trace_id: bytes, limit: int) -> int:
    if not is_sqlite():
        # A late span has brought the summary back, and whoever brings more holds it: their spans have to be seen here.
        execute("SELECT 1 FROM collector_trace WHERE trace_id = %s FOR UPDATE", (trace_id,)).fetchall()
    for delete in rows.with_traces:
        if deleted := delete([trace_id], limit):
            return deleted
    some = f"SELECT id FROM {SPANS} WHERE trace_id = %s LIMIT %s"
    deleted = int(execute(f"DELETE FROM {SPANS} WHERE id IN ({some})", (trace_id, limit)).rowcount)
    if deleted < limit:
        for table in ("collector_trace", "collector_partlypruned"):
            deleted += execute(f"DELETE FROM {table} WHERE trace_id = %s", (trace_id,)).rowcount
    return deleted


def _places(values: Sequence[object]) -> str:
    return ",".join(["%s"] * len(values))
