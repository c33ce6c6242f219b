"""The measurements of a range, from the windows that cover it and from what is noted and not counted yet.

Before: a question knows its range and its series. After: rows to add up by step and by series.

One statement reads both, since what is noted moves into the windows meanwhile: a statement sees it in one place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from collector.histogram import number_of, number_of_counts
from collector.rollup.news import Key, Measured, measured
from collector.rollup.windows import (
    ALL_OPERATIONS,
    FINE_WINDOWS_S,
    NS_PER_S,
    SHORTEST_S,
    WINDOWS_S,
    Piece,
    Subject,
    cover,
)
from collector.sql import execute

MOST_SERIES = 400  # named in a statement; more are picked from all


class Row(NamedTuple):
    """Of one series in one window. Its counts are packed, or of what is only noted the number that adds."""

    start_s: int
    series: int
    count: int  # type: ignore[assignment]  # tuple.count is not used
    max_ns: int
    counts: bytes | int

    @property
    def number(self) -> int:
        """The counts as the number that adds (`collector.histogram`)."""
        return self.counts if isinstance(self.counts, int) else number_of(self.counts)


def rows(
    subject: int,
    from_ns: int | None,
    to_ns: int | None,
    longest_s: int,
    series: Collection[int] | None = None,
    edge_s: int = SHORTEST_S,
) -> Iterator[Row]:
    """What was measured of these series in [from, to), by windows no longer than `longest_s`.

    None: of all series, but no sums of them. The range's ends are rounded outwards to whole windows of `edge_s`, or
    where those are pruned to longer ones.
    """
    pieces = cover(from_ns, to_ns, longest_s, max(edge_s, shortest_s(subject, from_ns)))
    if not pieces or (series is not None and not series):
        return
    wanted = None if series is None else frozenset(series)
    first_s, end_s = min(piece.first_s for piece in pieces), max(piece.end_s for piece in pieces)
    sums = frozenset(ALL_OPERATIONS if wanted is None and subject == Subject.OPERATION else ())
    read = _read(subject, pieces, wanted)
    news = [bytes(row[4]) for row in read if row[1] < 0]
    # Made of the tuples as they are: a range of two thousand operations has tens of thousands.
    if wanted is None:
        yield from map(Row._make, [row for row in read if row[2] and row[1] >= 0 and row[1] not in sums])
    else:
        yield from map(Row._make, [row for row in read if row[2] and row[1] in wanted])
    for (number, start_s), found in _lately(tuple(news), subject).items():
        if first_s <= start_s < end_s and (number not in sums if wanted is None else number in wanted):
            counts = found.counts
            yield Row(start_s, number, sum(counts.values()), found.max_ns, number_of_counts(counts))


@lru_cache(maxsize=len(Subject))
def _lately(news: tuple[bytes, ...], subject: int) -> Mapping[Key, Measured]:
    """What is noted of a subject. A page asks several questions within milliseconds: read once while it is the same."""
    return measured(news, subject).get(subject, {})


def _read(subject: int, pieces: Sequence[Piece], wanted: Collection[int] | None) -> list[tuple[Any, ...]]:
    """As Row has it; what is noted has the series -1."""
    named = sorted(wanted) if wanted is not None and len(wanted) <= MOST_SERIES else []
    among = f" AND series IN ({','.join(['%s'] * len(named))})" if named else ""
    part = (
        "SELECT start_s, series, count, max_ns, counts FROM collector_rollup"
        f" WHERE subject = %s AND window_s = %s AND start_s >= %s AND start_s < %s{among}"
    )
    parameters: list[int] = []
    for piece in pieces:
        parameters += (subject, piece.window_s, piece.first_s, piece.end_s, *named)
    news = "SELECT 0, -1, 0, 0, payload FROM collector_rollupnews"
    return list(execute(" UNION ALL ".join([part] * len(pieces) + [news]), parameters).fetchall())


def extent_s(subject: int) -> tuple[int, int] | None:
    """When the first measurement there is was made, and the last, as well as windows tell: [from, to)."""
    short_s, long_s = WINDOWS_S[0], WINDOWS_S[-1]
    starts: list[int] = []
    ends: list[int] = []
    if (long := _ends(subject, long_s)) is not None:
        # Where the short windows are pruned, the long one is all that tells.
        short = _ends(subject, short_s) or (-1, -1)
        starts.append(short[0] if short[0] // long_s * long_s == long[0] else long[0])
        ends.append(short[1] + short_s if short[1] // long_s * long_s == long[1] else long[1] + long_s)
    noted = {start_s for _, start_s in _noted(subject)}
    starts += noted
    ends += [start_s + short_s for start_s in noted]
    return (min(starts), max(ends)) if starts else None


def next_measured_s(subject: int, from_s: int) -> int | None:
    """Nothing was measured between `from_s` and this, as well as the longest windows tell; None: nothing was later."""
    long_s = WINDOWS_S[-1]
    # What is noted first: it moves into the windows meanwhile, and not back.
    found = [start_s for _, start_s in _noted(subject) if start_s >= from_s]
    sql = "SELECT min(start_s) FROM collector_rollup WHERE subject = %s AND window_s = %s AND start_s >= %s"
    first = execute(sql, (subject, long_s, from_s // long_s * long_s)).fetchone()[0]
    return min(found if first is None else [*found, first], default=None)


def series_in_use(subject: int) -> set[int]:
    """Every series that anything was measured of: what these numbers name has to stay."""
    sql = "SELECT DISTINCT series FROM collector_rollup WHERE subject = %s AND window_s = %s"
    found = {row[0] for row in execute(sql, (subject, WINDOWS_S[-1])).fetchall()}
    return found | {series for series, _ in _noted(subject)}


def _noted(subject: int) -> Collection[Key]:
    """The series and windows of what is not counted yet."""
    payloads = execute("SELECT payload FROM collector_rollupnews").fetchall()
    return measured((bytes(payload) for (payload,) in payloads), subject).get(subject, {}).keys()


def _ends(subject: int, window_s: int) -> tuple[int, int] | None:
    """When the first window of this length begins, and the last."""
    sql = "SELECT min(start_s), max(start_s) FROM collector_rollup WHERE subject = %s AND window_s = %s"
    first, last = execute(sql, (subject, window_s)).fetchone()
    return None if first is None else (first, last)


def oldest_s(subject: int, window_s: int) -> int | None:
    """When the oldest window of this length begins."""
    sql = "SELECT min(start_s) FROM collector_rollup WHERE subject = %s AND window_s = %s"
    found: int | None = execute(sql, (subject, window_s)).fetchone()[0]
    return found


def shortest_s(subject: int, from_ns: int | None) -> int:
    """The shortest windows that are still there at the beginning of a range."""
    kept_s = WINDOWS_S[len(FINE_WINDOWS_S)]
    oldest = oldest_s(subject, kept_s)
    if oldest is None:
        return WINDOWS_S[0]
    needed_s = max(oldest, (from_ns or 0) // NS_PER_S)
    for window_s in FINE_WINDOWS_S:
        there_s = oldest_s(subject, window_s)
        if there_s is not None and there_s // kept_s * kept_s <= needed_s:
            return window_s
    return kept_s
