"""Series that turned out to be one: the windows of the one are counted into those of the other.

Before: `collector.rewriting` masked names, and two operations, or two series of stages, are the same now. After: what
was measured of either is counted under the one that stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector import histogram
from collector.rollup.cardinality import PLACE, SPECIAL, TABLE, number_of
from collector.rollup.news import Key, Measured, count_into, lock
from collector.rollup.windows import Subject
from collector.sql import delete_rows, execute, rows_at, rows_in, update_rows

ROLLUPS = "collector_rollup"
HELD = ("id", "window_s", "start_s", "series", "max_ns", "counts")


def windows_of(subject: Subject, series: Mapping[int, int], after: int, limit: int) -> tuple[int | None, list[int]]:
    """Of the next rows behind `after`: the id of the last, None at the end, and the ids of those of these series."""
    rows = execute(
        f"SELECT id, subject, series FROM {ROLLUPS} WHERE id > %s ORDER BY id LIMIT %s", (after, limit)
    ).fetchall()
    found = [row_id for row_id, of, number in rows if of == subject and number in series]
    return rows[-1][0] if len(rows) == limit else None, found


def merge(subject: Subject, moved: Mapping[int, int], ids: Sequence[int]) -> int:
    """Counts these rows under the series theirs have become, in the caller's transaction; gives how many there were."""
    lock(wait=True)
    found: dict[int, dict[Key, Measured]] = {}
    rows = list(rows_in(ROLLUPS, HELD, "id", ids))
    for _, window_s, start_s, series, max_ns, packed in rows:
        counts = histogram.unpack(bytes(packed))
        if counts:
            one = found.setdefault(window_s, {}).setdefault((moved[series], start_s), Measured())
            more = Measured()
            more.max_ns, more.counts = max_ns, counts
            one.merge(more)
    for window_s, measured in found.items():
        count_into(subject, window_s, measured)
    delete_rows(ROLLUPS, [row[0] for row in rows])
    return len(rows)


def renumber(subject: Subject, moved: Mapping[int, int], words: Mapping[int, str] | None = None) -> int:
    """What was counted by itself under these numbers is from now on counted under others; gives how many days of them.

    `words`: by the new number, what it is part of, where that may have another name now.
    """
    days = 0
    for old, new in moved.items():
        if old == new:
            continue
        rows = execute(
            f"SELECT id, day, part_of FROM {TABLE} WHERE subject = %s AND number = %s", (int(subject), old)
        ).fetchall()
        keys = [(int(subject), new, day) for _, day, _ in rows]
        there = {day for (day,) in rows_at(TABLE, PLACE, keys, ("day",))}
        delete_rows(TABLE, [row_id for row_id, day, _ in rows if day in there])
        part_of = number_of(words[new]) if words and new in words else None
        kept = [
            (new, group if group in SPECIAL or part_of is None else part_of, row_id)
            for row_id, day, group in rows
            if day not in there
        ]
        update_rows(TABLE, ("number", "part_of"), kept)
        days += len(rows)
    return days


def group_anew(subject: Subject, renamed: Mapping[int, tuple[str, str]]) -> None:
    """What these numbers are part of, whose name was the first and is the second now."""
    for number, (before, after) in renamed.items():
        execute(
            f"UPDATE {TABLE} SET part_of = %s WHERE subject = %s AND number = %s AND part_of = %s",
            (number_of(after), int(subject), number, number_of(before)),
        )
