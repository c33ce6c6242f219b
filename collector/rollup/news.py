"""What a transaction measured, noted in one row; and every half second or so, what was noted counted into windows.

Before: `store` wrote new spans, `sandboxes` a claim's stages. After: `reading` adds both, what is counted and what is
noted, so that an answer misses nothing.

Two steps, because counting at once would read and write a row for each operation and length of window in every
transaction: docs/decisions/0003 has the figures. Noting appends, so that receivers beside each other never wait for one
another; counting is one process's at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson
from django.db import transaction

from collector import histogram
from collector.rollup.windows import ALL_OPERATIONS, SHORTEST_S, WINDOWS_S, Subject
from collector.sql import execute, insert_rows, is_sqlite, rows_at

MOST_NEWS = 2_000  # rows counted at once
INTERVAL_S = 0.5  # so few rows are noted and not counted that reading them costs a page some milliseconds
SHARE = 20  # counting takes no more than one part in so many of the writer's time
LOCK = 5_017_003  # PostgreSQL's advisory lock: any number that is ours alone
PORTION = 500  # rows looked up and written at once


class Sheet(NamedTuple):
    """Measurements of one subject, as columns: each of a series, in one of the shortest windows, of a duration.

    `times` is 1, or -1 when they are taken back.
    """

    subject: int
    times: int
    series: Sequence[int]
    starts_s: Sequence[int]
    durations_ns: Sequence[int]


def note(sheets: Iterable[Sheet]) -> None:
    """Writes down what the caller's transaction measured; counts it when it is time to."""
    filled = [tuple(sheet) for sheet in sheets if sheet.series]
    if filled:
        insert_rows("collector_rollupnews", ("payload",), [(orjson.dumps(filled),)])
    _clock.count_when_due()


Key = tuple[int, int]  # series, start of a window in seconds


class Measured:
    """What was measured of one series in one window. Counts are by position; negative ones take back."""

    __slots__ = ("counts", "max_ns")

    def __init__(self) -> None:
        self.max_ns = 0
        self.counts: dict[int, int] = {}

    def count(self, durations_ns: Sequence[int], times: int) -> None:
        """Counts durations, or takes them back."""
        counts = self.counts
        for at in map(histogram.position, durations_ns):
            counts[at] = counts.get(at, 0) + times
        if times > 0:
            self.max_ns = max(self.max_ns, *durations_ns)

    def merge(self, other: Measured) -> None:
        """Counts what another has."""
        counts = self.counts
        for at, count in other.counts.items():
            counts[at] = counts.get(at, 0) + count
        if other.max_ns > self.max_ns:
            self.max_ns = other.max_ns


def measured(payloads: Iterable[bytes], subject: int | None = None) -> dict[int, dict[Key, Measured]]:
    """What was noted, of one subject or of each, by series and shortest window."""
    found: dict[int, dict[Key, Measured]] = {}
    for (of, times), groups in _grouped(payloads, subject).items():
        mine = found.setdefault(of, {})
        for key, durations_ns in groups.items():
            if (one := mine.get(key)) is None:
                one = mine[key] = Measured()
            one.count(durations_ns, times)
    if Subject.OPERATION in found:
        _add_all_operations(found[Subject.OPERATION])
    return found


def _add_all_operations(found: dict[Key, Measured]) -> None:
    """All operations together, which the first page asks for again and again: a row a window instead of hundreds."""
    for (series, start_s), one in list(found.items()):
        key = (ALL_OPERATIONS[series & 1], start_s)
        if (known := found.get(key)) is None:
            known = found[key] = Measured()
        known.merge(one)


def _grouped(payloads: Iterable[bytes], subject: int | None) -> dict[tuple[int, int], dict[Key, list[int]]]:
    """Durations by key. The hot loop: every span passes here once, and again for each page that reads meanwhile."""
    found: dict[tuple[int, int], dict[Key, list[int]]] = {}
    for payload in payloads:
        for of, times, series, starts_s, durations_ns in orjson.loads(payload):
            if subject is not None and of != subject:
                continue
            groups = found.setdefault((of, times), {})
            for key, duration_ns in zip(zip(series, starts_s, strict=True), durations_ns, strict=True):
                group = groups.get(key)
                if group is None:
                    groups[key] = [duration_ns]
                else:
                    group.append(duration_ns)
    return found


def count_waiting() -> None:
    """Counts what is noted when it is time to, for a writer that has nothing to write.

    Else what came last would stay noted until something else comes, and every page would count it for itself.
    """
    if _clock.due and execute("SELECT 1 FROM collector_rollupnews LIMIT 1").fetchone():
        with transaction.atomic():
            _clock.count_when_due()


class _Clock:
    """When this process counts next: seldom enough to cost little, however many series there are."""

    def __init__(self) -> None:
        self.next_s = 0.0

    @property
    def due(self) -> bool:
        return time.monotonic() >= self.next_s

    def count_when_due(self) -> None:
        if not self.due:
            return
        began = time.monotonic()
        count_news()
        ended = time.monotonic()
        self.next_s = ended + max(INTERVAL_S, SHARE * (ended - began))


_clock = _Clock()


def count_news(*, wait: bool = False) -> int:
    """Counts what is noted into the windows, in the caller's transaction; gives the number of rows taken.

    Another process that counts already is not waited for, unless asked to: what is noted is not lost.
    """
    if not lock(wait=wait):
        return 0
    rows = execute(f"SELECT id, payload FROM collector_rollupnews ORDER BY id LIMIT {MOST_NEWS}").fetchall()
    if not rows:
        return 0
    for subject, found in measured(bytes(payload) for _, payload in rows).items():
        for window_s in WINDOWS_S:
            found = _longer(found, window_s)
            count_into(subject, window_s, found)
    ids = [row[0] for row in rows]
    for position in range(0, len(ids), PORTION):
        part = ids[position : position + PORTION]
        execute(f"DELETE FROM collector_rollupnews WHERE id IN ({','.join(['%s'] * len(part))})", part)
    return len(rows)


def settle() -> None:
    """Counts all that is noted, in the caller's transaction."""
    while count_news(wait=True) == MOST_NEWS:
        pass


def lock(*, wait: bool) -> bool:
    """Makes this transaction the only one that changes windows. SQLite has one writer anyway."""
    if is_sqlite():
        return True
    if wait:
        execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        return True
    return bool(execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()[0])


def _longer(found: dict[Key, Measured], window_s: int) -> dict[Key, Measured]:
    """The same by longer windows."""
    if window_s == SHORTEST_S:
        return found
    longer: dict[Key, Measured] = {}
    for (series, start_s), one in found.items():
        key = (series, start_s - start_s % window_s)
        known = longer.get(key)
        if known is None:
            known = longer[key] = Measured()
        known.merge(one)
    return longer


COLUMNS = ("subject", "window_s", "start_s", "series", "count", "max_ns", "counts")
UPSERT = (
    "ON CONFLICT (subject, window_s, start_s, series)"
    " DO UPDATE SET count = excluded.count, max_ns = excluded.max_ns, counts = excluded.counts"
)
NOTHING = (0, 0, b"")


def count_into(subject: int, window_s: int, found: dict[Key, Measured]) -> None:
    """Adds to the rows of one length of window."""
    keys = sorted((start_s, series) for series, start_s in found)
    for position in range(0, len(keys), PORTION):
        part = keys[position : position + PORTION]
        known = _known(subject, window_s, part)
        rows = [
            (subject, window_s, start_s, series, *_sum(known.get((start_s, series), NOTHING), found[series, start_s]))
            for start_s, series in part
        ]
        insert_rows("collector_rollup", COLUMNS, rows, UPSERT)


PLACE = ("subject", "window_s", "start_s", "series")
HELD = ("start_s", "series", "count", "max_ns", "counts")


def _known(subject: int, window_s: int, keys: Sequence[Key]) -> dict[Key, tuple[int, int, bytes]]:
    """What the rows at these places (start, series) hold: (count, longest, packed counts)."""
    rows = rows_at("collector_rollup", PLACE, [(int(subject), window_s, *key) for key in keys], HELD)
    return {(start_s, series): (count, max_ns, bytes(packed)) for start_s, series, count, max_ns, packed in rows}


def _sum(known: tuple[int, int, bytes], more: Measured) -> tuple[int, int, bytes]:
    """(count, longest, packed counts). What is taken back leaves the longest in the highest bucket that is left."""
    count, max_ns, packed = known
    packed, added = histogram.add(packed, more.counts)
    max_ns = max(max_ns, more.max_ns)
    if min(more.counts.values()) < 0:
        max_ns = min(max_ns, histogram.longest_ns(packed))
    return count + added, max_ns, packed
