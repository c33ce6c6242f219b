"""One pass: what is older than allowed, then, while there is too much, the oldest; a batch at a time.

Before: `running` or `manage.py prune` begins it and says how to write. After: each batch was a piece of work for the
writer, as large as `pace` allows, and what waited for the writer had its turn in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction

from collector.records import NS_PER_DAY
from collector.retention import arrivals, disk, record, stages
from collector.retention.pace import ENOUGH_NS, MAX_ROWS, SLICE_ROWS, Pace
from collector.retention.record import Reason
from collector.retention.stages import EVERYTHING, Keep, OldRows
from collector.sql import is_sqlite
from collector.writer import Committed

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
    """What a pass has done so far: rows by kind."""

    rows: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@dataclass(slots=True)
class _Batch:
    """What a batch did, and how long it held the writer: deleting, and its part of the commit."""

    rows: int = 0
    took_ns: int = 0
    commit_ns: int = 0

    @property
    def held_ns(self) -> int:
        return self.took_ns + self.commit_ns

    def commit(self, committed: Committed) -> None:
        """After the commit, which may have been others' as well."""
        if committed.written_ns:
            took_ns = time.perf_counter_ns() - committed.written_ns
            self.commit_ns = took_ns * self.rows // max(1, self.rows + committed.items)


class Pass:
    """A pass. `stopping` ends it between two batches; `deleted` says what it did. May raise Unavailable."""

    def __init__(
        self,
        run: Run,
        stopping: Callable[[float], bool],
        told: Callable[[Deleted], None] = lambda _: None,
        *,
        pace: Pace | None = None,
    ) -> None:
        """`stopping(seconds)` waits so long, or until it becomes true; `told` hears of batches; `pace` outlives it."""
        self._run = run
        self._stopping = stopping
        self._pace = pace or Pace()
        self._told = told
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
        times = {kind: kind.oldest_ns() for kind in stages.old_rows if kind.keep == Keep.RAW}
        for _ in self._while_over(max_bytes):
            known = [(oldest_ns, kind) for kind, oldest_ns in times.items() if oldest_ns is not None]
            for _, kind in sorted(known, key=lambda found: found[0]):
                if self._batch(kind, EVERYTHING, reason):
                    times[kind] = kind.oldest_ns()
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
        began, limit = time.perf_counter_ns(), self._pace.rows(kind.name)
        batch = self._run(partial(_prune, kind, before_ns, limit, reason), limit)
        waited_ns = time.perf_counter_ns() - began - batch.held_ns
        self._pace.held(kind.name, batch.rows, batch.held_ns)
        if batch.rows:
            self.deleted.rows[kind.name] = self.deleted.rows.get(kind.name, 0) + batch.rows
            self._told(self.deleted)
            # Half of a single writer's time is for others, who had it or get it.
            self._stopping(max(0, batch.held_ns - waited_ns) / 1e9 if is_sqlite() else 0)
        return int(batch.rows)

    def _forget(self, now_ns: int, limits: Limits) -> None:
        """Deletes notes nobody needs any more."""
        noted_ns = now_ns - int((limits.days or DAYS_OF_NOTES) * NS_PER_DAY)
        recorded_ns = now_ns - int(DAYS_OF_NOTES * NS_PER_DAY)
        self._run(lambda _: arrivals.forget(noted_ns, MAX_ROWS) + record.forget(recorded_ns, MAX_ROWS), 1)


def _prune(kind: OldRows, before_ns: int, limit: int, reason: Reason, committed: Committed) -> _Batch:
    """In the writer's transaction: up to `limit` rows, fewer when the clock says so."""
    began, batch = time.perf_counter_ns(), _Batch()
    parts = -(-limit // SLICE_ROWS)
    for _ in range(parts):
        batch.rows += (deleted := kind.prune(before_ns, -(-limit // parts)))
        if not deleted or time.perf_counter_ns() >= began + ENOUGH_NS:
            break
    if batch.rows:
        oldest_ns = kind.oldest_ns() if before_ns == EVERYTHING else before_ns
        until_ns = time.time_ns() if oldest_ns is None else oldest_ns
        record.add(reason, kind.name, batch.rows, until_ns)
    batch.took_ns = time.perf_counter_ns() - began
    transaction.on_commit(partial(batch.commit, committed))
    return batch
