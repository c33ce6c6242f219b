"""How many rows a batch may have and how long it may take, so that it holds the writer no longer than 100 ms.

Before: `passes` asks before each batch. After: it says how long the batch held the writer, its part of the commit too,
and the next one is as large as that allows, however slow the disk is. What was learned is kept from pass to pass, for
each kind of rows: some have one index, some four.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from collector.percentiles import nearest

# By the clock, since that is how long others wait. Under full load a batch waits behind some 8,000 spans for its turn,
# and needs as many rows itself to keep up; a span takes 4 us of CPU, with 400,000 of them in SQLite.
SHRINK_NS, AIM_NS, GROW_NS = 50 * 10**6, 35 * 10**6, 20 * 10**6
MAX_ROWS, MIN_ROWS, FIRST_ROWS = 8_000, 20, 1_000
# What no size foretells: that the thread has no core for a while. So a batch looks at the clock every so many rows, and
# ends early.
SLICE_ROWS, ENOUGH_NS = 1_000, 25 * 10**6
REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class Holds:
    """How long batches held the writer, of the last REMEMBERED; None of none."""

    batches: int
    p50_ns: int | None
    p99_ns: int | None
    max_ns: int | None


class Pace:
    """The sizes of batches, by kind of rows."""

    def __init__(self, first_rows: int | None = None) -> None:
        self._first_rows = first_rows
        self._rows: dict[str, int] = {}
        self._held_ns: deque[int] = deque(maxlen=REMEMBERED)

    def rows(self, kind: str) -> int:
        """How many the next batch may have."""
        return self._rows.get(kind, self._first_rows or FIRST_ROWS)

    def held(self, kind: str, deleted: int, held_ns: int) -> None:
        """Learns from a batch. Too slow: as much smaller as it was too slow. Fast, and not just at its end: twice."""
        rows = self.rows(kind)
        if held_ns > SHRINK_NS:
            rows = max(MIN_ROWS, rows * AIM_NS // held_ns)
        elif held_ns < GROW_NS and deleted >= rows // 2:
            rows = min(2 * rows, MAX_ROWS)
        self._rows[kind] = rows
        self._held_ns.append(held_ns)

    def holds(self) -> Holds:
        """What it took."""
        held_ns = sorted(self._held_ns)
        if not held_ns:
            return Holds(0, None, None, None)
        return Holds(len(held_ns), nearest(held_ns, 0.5), nearest(held_ns, 0.99), held_ns[-1])


pace = Pace()  # this process's
