"""All kinds in turn: each looked through in the order of its keys, and rewritten a batch at a time.

Before: `manage.py redact` says how to write. After: what was stored before is as if it had come under today's rules.

A batch is as large as holds the writer up for some 30 ms, and as long as it took, others have their turn. Whatever ends
a pass, between two batches nothing is half done: the next pass finds what is masked already, and goes on with the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from django.conf import settings

from collector.redaction import Rules
from collector.retention.pace import Pace
from collector.retention.passes import Run
from collector.rewriting import interned, items, leftovers, moved
from collector.rewriting.shapes import Kind, Looked, Merged, Vanished
from collector.sql import execute
from collector.writer import Committed

FIRST_ROWS = 20  # of a kind: a claim takes a hundred times as long as a name
# Of a batch, beside a loaded server: of a hundred the longest took 11 ms; with 500 rows, on a busier machine, 47.
MOST_ROWS = 250
ATTEMPTS = 5  # retention may take away the very row that others are to point at

# What the layers above have stored; handed what became one with another.
more_kinds: list[Callable[[Rules, Merged], list[Kind]]] = []


@dataclass(slots=True)
class Rewritten:
    """Of a kind: how many rows there are, how many were looked at, and how many of them were, or would be, changed."""

    rows: int = 0
    looked: int = 0
    changed: int = 0


class Rewriting:
    """A pass. `done` says what it has done so far, by kind; `merged` how many rows were the same as others, by table.

    `waiting(seconds)` lets others have their turn; `told(name, done)` hears of progress. May raise Unavailable.
    """

    def __init__(
        self,
        run: Run,
        waiting: Callable[[float], object],
        told: Callable[[str, Rewritten], None] = lambda name, done: None,
    ) -> None:
        self._run = run
        self._waiting = waiting
        self._told = told
        self.pace = Pace(FIRST_ROWS)
        self.done: dict[str, Rewritten] = {}
        self.merged: dict[str, int] = {}
        self.left = 0  # rows that are the same as others, and that something has begun to point at meanwhile

    def count(self) -> None:
        """What `rewrite` would change, as far as it can be known without doing it."""
        for kind in kinds(Merged()):
            if not kind.is_of_others:
                for found in self._looks(kind):
                    self.done[kind.name].changed += len(found.changes)

    def rewrite(self) -> None:
        """Masks all there is."""
        for attempt in range(ATTEMPTS):
            try:
                return self._rewrite(Merged())
            except Vanished:
                if attempt == ATTEMPTS - 1:
                    raise
        return None

    def _rewrite(self, merged: Merged) -> None:
        for kind in kinds(merged):
            for found in self._looks(kind):
                at = 0
                while at < len(found.changes):
                    size = min(self.pace.rows(kind.name), MOST_ROWS)
                    part = found.changes[at : at + size]
                    self.done[kind.name].changed += self._batch(kind.name, len(part), partial(kind.rewrite, part))
                    at += size
                self._told(kind.name, self.done[kind.name])
        self.merged = {table: len(ids) for table, ids in merged.ids.items() if ids}
        self.left = leftovers.delete_merged(self._batch, merged)

    def _looks(self, kind: Kind) -> Iterator[Looked]:
        done = self.done.setdefault(kind.name, Rewritten())
        done.rows = max(done.rows, 0 if kind.is_of_others else _rows_of(kind.table))
        done.looked, after = 0, kind.first
        while after is not None:
            found = kind.look(after, kind.page)
            done.looked += found.rows
            yield found
            self._told(kind.name, done)
            after = found.last

    def _batch(self, name: str, rows: int, work: Callable[[], int]) -> int:
        """Writes one batch, then lets others have their turn. The commit is in the time it held the writer."""
        began = 0

        def timed(committed: Committed) -> int:
            nonlocal began
            began = time.perf_counter_ns()
            return work()

        changed: int = self._run(timed, rows)
        held_ns = time.perf_counter_ns() - began
        self.pace.held(name, rows, held_ns)
        self._waiting(held_ns / 1e9)
        return changed


def kinds(merged: Merged) -> list[Kind]:
    """In the order in which they point at each other: what is pointed at comes first."""
    rules: Rules | None = settings.REDACTION
    assert rules is not None, "there is nothing to mask"
    ours = chain(interned.kinds(merged), items.kinds(merged), moved.kinds(merged))
    return [*ours, *chain.from_iterable(more(rules, merged) for more in more_kinds)]


def _rows_of(table: str) -> int:
    return int(execute(f"SELECT count(*) FROM {table}").fetchone()[0])
