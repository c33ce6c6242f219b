"""One pass: what is older than allowed, then, while there is too much, the oldest; a batch at a time.

Before: `running` or `manage.py prune` begins it and says how to write. After: each batch was a piece of work for the
writer, as large as TARGET_NS allows, and what waited for the writer had its turn in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from collector.retention import arrivals, disk, record, stages
from collector.retention.record import Reason
from collector.retention.stages import EVERYTHING, Keep, OldRows
from collector.sql import is_sqlite
from collector.writer import Committed

# The writer is held no longer than 100 ms. A batch aims at less than half of it, in time of its own: where others have
# the processor, or the disk is slow, it shrinks by halves. (By what the clock showed, it shrank to a few rows whenever
# the machine was busy, and deleting fell behind.) A span costs 4 us, with 400,000 of them in SQLite. Under full load
# the writer commits some 8,000 at a time, and a batch waits for its turn between two such: so many it may have as well.
TARGET_NS, MOST_NS = 40 * 10**6, 100 * 10**6
MAX_ROWS, MIN_ROWS, FIRST_ROWS = 8_000, 250, 1_000
NS_PER_DAY = 86_400 * 10**9
DAYS_OF_NOTES = 90  # of when rows came without a limit of age, and of what was deleted

Run = Callable[[Callable[[Committed], Any], int], Any]  # ingest.run_from_thread


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept; 0 is no limit."""

    days: float
    max_bytes: int
    rollup_days: float


@dataclass(slots=True)
class Deleted:
    """What a pass has done so far: rows by kind, and the longest time a batch held the writer."""

    rows: dict[str, int] = field(default_factory=dict)
    longest_ns: int = 0

    @property
    def total(self) -> int:
        return sum(self.rows.values())


class Pass:
    """A pass. `stopping` ends it between two batches; `deleted` says what it did. May raise Unavailable."""

    def __init__(
        self, run: Run, stopping: Callable[[float], bool], told: Callable[[Deleted], None] = lambda _: None
    ) -> None:
        """`stopping(seconds)` waits so long, or until it becomes true; `told` hears of each batch."""
        self._run = run
        self._stopping = stopping
        self._told = told
        self._rows = FIRST_ROWS
        self.deleted = Deleted()

    def by_age(self, limits: Limits, reason: Reason = Reason.AGE) -> None:
        """Deletes what is older than allowed."""
        now_ns = time.time_ns()
        for kind in stages.old_rows:
            days = limits.rollup_days if kind.keep == Keep.ROLLUPS else limits.days
            before_ns = now_ns - int(days * NS_PER_DAY)
            oldest_ns = kind.oldest_ns() if days else None
            if oldest_ns is not None and oldest_ns <= before_ns:
                self._drain(kind, before_ns, reason)
        if not self._stopping(0):
            self._forget(now_ns, limits)

    def by_bytes(self, max_bytes: int, reason: Reason = Reason.BYTES) -> None:
        """Deletes what came first until all fits."""
        if not max_bytes:
            return
        for _ in self._while_over(max_bytes):
            times = [(kind.oldest_ns(), kind) for kind in stages.old_rows if kind.keep == Keep.RAW]
            known = [(oldest_ns, kind) for oldest_ns, kind in times if oldest_ns is not None]
            for _, kind in sorted(known, key=lambda found: found[0]):
                if self._batch(kind, EVERYTHING, reason):
                    break
            else:
                return  # what is left are rollups, claims and pages not in use

    def _while_over(self, max_bytes: int) -> Iterator[None]:
        """Measures, where that is exact, after each batch; else once, and reckons from there."""
        measured, before = disk.measure(), self.deleted.total
        while measured.over(max_bytes) > 0 and not self._stopping(0):
            yield
            measured = measured.without(self.deleted.total - before) if measured.rows else disk.measure()
            before = self.deleted.total

    def _drain(self, kind: OldRows, before_ns: int, reason: Reason) -> None:
        while not self._stopping(0) and self._batch(kind, before_ns, reason):
            pass

    def _batch(self, kind: OldRows, before_ns: int, reason: Reason) -> int:
        """Deletes one batch; gives its rows."""
        began = time.perf_counter_ns()
        rows, took_ns, worked_ns = self._run(partial(_prune, kind, before_ns, self._rows, reason), self._rows)
        waited_ns = time.perf_counter_ns() - began - took_ns
        if rows:
            self.deleted.rows[kind.name] = self.deleted.rows.get(kind.name, 0) + rows
            self.deleted.longest_ns = max(self.deleted.longest_ns, took_ns)
            self._told(self.deleted)
            wanted = self._rows // 2 if took_ns > MOST_NS else self._rows * TARGET_NS // max(worked_ns, 1)
            self._rows = max(MIN_ROWS, min(wanted, 2 * self._rows, MAX_ROWS))
            self._stopping(max(0, took_ns - waited_ns) / 1e9)  # half of the time is for others, who had it or get it
        return int(rows)

    def _forget(self, now_ns: int, limits: Limits) -> None:
        """Deletes notes nobody needs any more."""
        noted_ns = now_ns - int((limits.days or DAYS_OF_NOTES) * NS_PER_DAY)
        recorded_ns = now_ns - int(DAYS_OF_NOTES * NS_PER_DAY)
        self._run(lambda _: arrivals.forget(noted_ns, MAX_ROWS) + record.forget(recorded_ns, MAX_ROWS), 1)


def _prune(kind: OldRows, before_ns: int, limit: int, reason: Reason, committed: Committed) -> tuple[int, int, int]:
    """In the writer's transaction: the rows deleted, how long that took, how long of it at work (PostgreSQL: all)."""
    began, cpu_began = time.perf_counter_ns(), time.thread_time_ns()
    rows = kind.prune(before_ns, limit)
    if rows:
        oldest_ns = kind.oldest_ns() if before_ns == EVERYTHING else before_ns
        until_ns = time.time_ns() if oldest_ns is None else oldest_ns
        record.add(reason, kind.name, rows, until_ns)
    took_ns = time.perf_counter_ns() - began
    return rows, took_ns, time.thread_time_ns() - cpu_began if is_sqlite() else took_ns
