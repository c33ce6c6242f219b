"""What a transaction measured, noted in one row; and every second or so, what was noted counted into the windows.

Before: `store` wrote new spans, `sandboxes` a claim's stages. After: `reading` adds both, what is counted and what is
noted, so that an answer misses nothing.

Two steps, because counting at once would read and write a row for each operation and length of window in every
transaction: docs/decisions/0003 has the figures. Noting appends, so that receivers beside each other never wait for one
another; counting is one process's at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from collector import histogram
from collector.rollup.windows import WINDOWS_S
from collector.sql import execute, insert_rows, is_sqlite

MOST_NEWS = 2_000  # rows counted at once
INTERVAL_S = 1.0
SHARE = 20  # counting takes no more than one part in so many of the writer's time
LOCK = 5_017_003  # PostgreSQL's advisory lock: any number that is ours alone
PORTION = 200  # rows looked up at once

Key = tuple[int, int, int]  # subject, series, start of the shortest window in seconds


@dataclass(slots=True)
class Measured:
    """What was measured of one series in one window. Counts are by position; negative ones take back."""

    max_ns: int = 0
    counts: dict[int, int] = field(default_factory=dict)

    def count(self, duration_ns: int, times: int = 1) -> None:
        """Counts a duration, or takes it back."""
        at = histogram.position(duration_ns)
        self.counts[at] = self.counts.get(at, 0) + times
        if times > 0 and duration_ns > self.max_ns:
            self.max_ns = duration_ns

    def merge(self, other: Measured) -> None:
        """Counts what another has."""
        counts = self.counts
        for at, count in other.counts.items():
            counts[at] = counts.get(at, 0) + count
        if other.max_ns > self.max_ns:
            self.max_ns = other.max_ns


def note(measured: dict[Key, Measured]) -> None:
    """Writes down what the caller's transaction measured; counts it when it is time to."""
    entries = [[*key, found.max_ns, [*found.counts.items()]] for key, found in measured.items()]
    if entries:
        insert_rows("collector_rollupnews", ("payload",), [(orjson.dumps(entries),)])
    _clock.count_when_due()


def entries_of(payload: bytes) -> Iterable[tuple[Key, Measured]]:
    """What `note` wrote."""
    for subject, series, start_s, max_ns, counts in orjson.loads(payload):
        yield (subject, series, start_s), Measured(max_ns, dict(counts))


class _Clock:
    """When this process counts next: seldom enough to cost little, however many series there are."""

    def __init__(self) -> None:
        self.next_s = 0.0

    def count_when_due(self) -> None:
        began = time.monotonic()
        if began < self.next_s:
            return
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
    measured: dict[Key, Measured] = {}
    for _, payload in rows:
        for key, found in entries_of(bytes(payload)):
            known = measured.get(key)
            if known is None:
                measured[key] = found
            else:
                known.merge(found)
    for window_s in WINDOWS_S:
        measured = _longer(measured, window_s)
        _count(window_s, measured)
    ids = [row[0] for row in rows]
    for position in range(0, len(ids), 500):
        part = ids[position : position + 500]
        execute(f"DELETE FROM collector_rollupnews WHERE id IN ({','.join(['%s'] * len(part))})", part)
    return len(rows)


def lock(*, wait: bool) -> bool:
    """Makes this transaction the only one that changes windows. SQLite has one writer anyway."""
    if is_sqlite():
        return True
    if wait:
        execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        return True
    return bool(execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()[0])


def _longer(measured: dict[Key, Measured], window_s: int) -> dict[Key, Measured]:
    """The same by longer windows."""
    longer: dict[Key, Measured] = {}
    for (subject, series, start_s), found in measured.items():
        longer.setdefault((subject, series, start_s - start_s % window_s), Measured()).merge(found)
    return longer


COLUMNS = ("subject", "window_s", "start_s", "series", "count", "max_ns", "counts")
UPSERT = (
    "ON CONFLICT (subject, window_s, start_s, series)"
    " DO UPDATE SET count = excluded.count, max_ns = excluded.max_ns, counts = excluded.counts"
)


def _count(window_s: int, measured: dict[Key, Measured]) -> None:
    """Adds to the rows of one length of window."""
    keys = sorted((subject, start_s, series) for subject, series, start_s in measured)
    for position in range(0, len(keys), PORTION):
        part = keys[position : position + PORTION]
        places = ",".join(["(%s,%s,%s,%s)"] * len(part))
        found = execute(
            "SELECT subject, start_s, series, max_ns, counts FROM collector_rollup"
            f" WHERE (subject, window_s, start_s, series) IN (VALUES {places})",
            [value for subject, start_s, series in part for value in (subject, window_s, start_s, series)],
        )
        known = {tuple(row[:3]): (row[3], bytes(row[4])) for row in found.fetchall()}
        rows = [
            (key[0], window_s, *key[1:], *_sum(known.get(key, (0, b"")), measured[key[0], key[2], key[1]]))
            for key in part
        ]
        insert_rows("collector_rollup", COLUMNS, rows, UPSERT)


def _sum(known: tuple[int, bytes], more: Measured) -> tuple[int, int, bytes]:
    """(count, longest, packed counts). What is taken back leaves the longest in the highest bucket that is left."""
    counts = histogram.unpack(known[1])
    max_ns = max(known[0], more.max_ns)
    for at, count in more.counts.items():
        counts[at] = max(0, counts.get(at, 0) + count)
    if min(more.counts.values(), default=0) < 0:
        highest = max((at for at, count in counts.items() if count), default=0)
        max_ns = min(max_ns, round(histogram.upper_ns(highest)))
    return sum(counts.values()), max_ns, histogram.pack(counts)
