"""Rollups counted anew from what they were measured from, in portions, while a server may go on writing.

Before: `manage.py rebuild_rollups` names the sources: spans, and from the layer above claims. After: the windows say
what the rows say. Windows from before the last pruning stay as they are: their rows are gone.

First the shortest windows, from the rows; then each longer one, from the one before. What arrives meanwhile is counted
into all of them, and counted anew with them: no order of the two does harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson

from collector import histogram
from collector.models import Pruning, Span
from collector.rollup.news import COLUMNS, Key, Sheet, count_into, lock, measured, settle
from collector.rollup.spans import sheet_of
from collector.rollup.windows import NO_END_S, NS_PER_S, SHORTEST_NS, SHORTEST_S, WINDOWS_S, Subject
from collector.sql import execute, insert_rows, is_sqlite

SPANS_A_PORTION = 20_000  # some 200 ms: a writer beside us waits that long
WINDOWS_A_PORTION = 60


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that were measured.

    `bound_ns(from_ns)` is the time of the row that lies a portion's length behind, or None when there are fewer;
    `measure(from_ns, to_ns)` measures the rows between.
    """

    subject: Subject
    bound_ns: Callable[[int], int | None]
    measure: Callable[[int, int], Iterable[Sheet]]


def begin_s() -> int:
    """Where rebuilding begins: at the first long window that nothing was deleted from."""
    until_ns = Pruning.objects.order_by("-until_ns").values_list("until_ns", flat=True).first()
    return 0 if until_ns is None else -(-until_ns // (WINDOWS_S[-1] * NS_PER_S)) * WINDOWS_S[-1]


def count_rows(source: Source, from_s: int) -> int | None:
    """Counts a portion of rows into the shortest windows, in the caller's transaction; gives where the next begins."""
    _alone()
    bound_ns = source.bound_ns(from_s * NS_PER_S)
    # A window with more rows than a portion is a portion of its own.
    end_s = NO_END_S if bound_ns is None else max(bound_ns // SHORTEST_NS * SHORTEST_S, from_s + SHORTEST_S)
    _delete(source.subject, SHORTEST_S, from_s, end_s)
    to_ns = 2**63 - 1 if bound_ns is None else end_s * NS_PER_S
    payload = orjson.dumps([tuple(sheet) for sheet in source.measure(from_s * NS_PER_S, to_ns)])
    count_into(source.subject, SHORTEST_S, measured([payload]).get(source.subject, {}))
    return None if bound_ns is None else end_s


def count_windows(subject: Subject, window_s: int, from_s: int) -> int | None:
    """Counts a portion of windows from the next shorter ones; gives where the next portion begins, None at the end."""
    _alone()
    shorter_s = WINDOWS_S[WINDOWS_S.index(window_s) - 1]
    first_s = execute(
        "SELECT min(start_s) FROM collector_rollup WHERE subject = %s AND window_s IN (%s, %s) AND start_s >= %s",
        (int(subject), window_s, shorter_s, from_s),
    ).fetchone()[0]
    if first_s is None:
        return None
    start_s = first_s - first_s % window_s
    end_s: int = start_s + window_s * (WINDOWS_A_PORTION * shorter_s // window_s)
    _delete(subject, window_s, start_s, end_s)
    held: dict[Key, tuple[int, int, bytes]] = {}
    for series, at_s, count, max_ns, packed in execute(
        "SELECT series, start_s, count, max_ns, counts FROM collector_rollup"
        " WHERE subject = %s AND window_s = %s AND start_s >= %s AND start_s < %s",
        (int(subject), shorter_s, start_s, end_s),
    ).fetchall():
        key = (series, at_s - at_s % window_s)
        known = held.get(key, (0, 0, b""))
        counts = histogram.unpack(bytes(packed))
        together = histogram.add(known[2], counts)[0] if counts else known[2]
        held[key] = (known[0] + count, max(known[1], max_ns), together)
    rows = [(int(subject), window_s, at_s, series, *found) for (series, at_s), found in sorted(held.items())]
    insert_rows("collector_rollup", COLUMNS, rows)
    return end_s


def _alone() -> None:
    """No other transaction writes rows or counts until this one ends, and all that was noted is counted."""
    if not is_sqlite():
        # Whoever writes telemetry or claims shares this table's row until its commit (`intern.refresh`).
        execute("LOCK TABLE collector_epoch IN EXCLUSIVE MODE")
    lock(wait=True)
    settle()


def _delete(subject: Subject, window_s: int, from_s: int, end_s: int) -> None:
    execute(
        "DELETE FROM collector_rollup WHERE subject = %s AND window_s = %s AND start_s >= %s AND start_s < %s",
        (int(subject), window_s, from_s, end_s),
    )


def _span_bound_ns(from_ns: int) -> int | None:
    starts = Span.objects.filter(start_ns__gte=from_ns).order_by("start_ns").values_list("start_ns", flat=True)
    found = list(starts[SPANS_A_PORTION : SPANS_A_PORTION + 1])
    return found[0] if found else None


def _measure_spans(from_ns: int, to_ns: int) -> list[Sheet]:
    spans = Span.objects.filter(start_ns__gte=from_ns, start_ns__lt=to_ns)
    return [sheet_of(spans.values_list("operation_id", "operation__service", "start_ns", "duration_ns", "status_code"))]


SPANS = Source(Subject.OPERATION, _span_bound_ns, _measure_spans)
