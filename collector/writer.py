"""The one thread that writes: group commit, acknowledgement after commit.

Before: `ingest` hands over decoded batches. After: each waiting request is answered, the loop is told.

Ten times a second it looks whether another process has committed (an import); on PostgreSQL, where its own commits move
what it looks at, only while it has nothing to write.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError, close_old_connections, connection, transaction

from collector import intern
from collector.records import Batch, NewRows
from collector.sql import execute, is_about_data, is_sqlite

log = logging.getLogger(__name__)

MAX_GROUP_ITEMS = 8_192  # a transaction's size: larger ones make the first in the group wait, and gain nothing
LOOK_INTERVAL_S = 0.1  # SQLite answers in 4 us
MAX_TOLD_IDS = 1_000  # of a topic

T = TypeVar("T")

# What moves when another process has committed something worth telling. Layers above add theirs.
newest_rows = ["max(id) FROM collector_span", "max(id) FROM collector_log", "max(id) FROM collector_metricpoint"]


class Unavailable(Exception):
    """The database cannot be written now: locked, full, away. The sender should try again (503, UNAVAILABLE)."""


@dataclass(slots=True)
class Committed:
    """What a commit brought. `elsewhere`: another process made it, and what it brought is not known."""

    spans: int = 0
    logs: int = 0
    points: int = 0
    trace_ids: set[str] = field(default_factory=set)  # more than MAX_TOLD_IDS say that they are not all of them
    elsewhere: bool = False
    written_ns: int = field(default=0, compare=False)  # perf_counter_ns when all was written, before the commit
    changed: dict[str, set[str]] = field(default_factory=dict)  # of other topics: the ids, at most MAX_TOLD_IDS of each

    @property
    def items(self) -> int:
        """Spans, logs and points together."""
        return self.spans + self.logs + self.points

    def add(self, new: NewRows) -> None:
        """Adds what one batch brought."""
        self.spans += len(new.spans)
        self.logs += len(new.logs)
        self.points += len(new.points)
        if len(self.trace_ids) <= MAX_TOLD_IDS:
            self.trace_ids.update(trace_id.hex() for trace_id in {span.trace_id for span in new.spans})

    def tell(self, topic: str, ids: Iterable[str]) -> None:
        """What a layer above changed. One id beyond MAX_TOLD_IDS says that they are not all of them."""
        told = self.changed.setdefault(topic, set())
        told.update(islice(ids, max(0, MAX_TOLD_IDS + 1 - len(told))))


# Writes what a layer above has, in the writer's transaction, and notes what that changed. It may run twice: when what
# waits beside it has to be written more carefully, the transaction begins again.
Work = Callable[[Committed], T]


@dataclass(slots=True, eq=False)
class _Waiting:
    write: Callable[[Committed, bool], Any]  # the flag: carefully
    items: int
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Writer:
    """The thread and its queue. `write_batch(batch, careful)` runs in its transactions; `committed` in the loop.

    In the thread, outside a transaction: `between` runs after each, `idle` while nothing waits to be written.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        write_batch: Callable[[Batch, bool], NewRows],
        committed: Callable[[Committed], None],
        idle: Callable[[], None] = lambda: None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._write_batch = write_batch
        self._committed = committed
        self._idle = idle
        self._between = between
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._seen: object = None
        self._failure = ""
        self._look_at_s = 0.0
        self.cpu_ns = 0  # what the thread took of a CPU
        self.transactions = 0

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop in which `write` is awaited."""
        return self._loop

    async def write(self, batch: Batch) -> NewRows:
        """Returns once the batch is committed. Raises Unavailable, or what was wrong with this batch."""
        new: NewRows = await self._wait_for(partial(self._write_one, batch), batch.items)
        return new

    async def run(self, work: Work[T], items: int = 1) -> T:
        """The same for other rows than telemetry's: `work` runs in the transaction and gives the answer."""
        result: T = await self._wait_for(lambda committed, careful: work(committed), items)
        return result

    async def _wait_for(self, write: Callable[[Committed, bool], Any], items: int) -> Any:
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(_Waiting(write, items, answer))
        return await answer

    def _write_one(self, batch: Batch, committed: Committed, careful: bool) -> NewRows:
        new = self._write_batch(batch, careful)
        committed.add(new)
        return new

    async def stop(self) -> None:
        """Writes what waits, then ends the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            while True:
                rest_s = self._look_at_s - time.monotonic()
                if rest_s <= 0:
                    self._look_elsewhere()
                    self._look_at_s = time.monotonic() + LOOK_INTERVAL_S
                    continue
                try:
                    first = self._queue.get(timeout=rest_s)
                except queue.Empty:
                    self._do(self._idle)
                    continue
                if first is None:
                    return
                group, last = self._take_group(first)
                self._write_group(group)
                self._do(self._between)
                if last:
                    return
        finally:
            connection.close()

    def _take_group(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What waits now, up to a transaction's size, and whether the thread is to end after it."""
        group, items = [first], first.items
        while items < MAX_GROUP_ITEMS:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return group, True
            group.append(waiting)
            items += waiting.items
        return group, False

    def _write_group(self, group: list[_Waiting]) -> None:
        """One transaction for all; when something in it is not as hoped, another one, a savepoint each."""
        try:
            try:
                committed = self._write_hopefully(group)
            except Exception as error:
                if isinstance(error, OperationalError) and not is_about_data(error):
                    raise
                committed = self._write_carefully(group)
        except Exception as error:
            if not isinstance(error, DatabaseError):
                log.exception("writing failed")
            intern.forget()  # the commit itself may have failed, and the new rows are gone
            committed = Committed()
            for waiting in group:
                waiting.error = Unavailable(f"the database cannot be written: {error}")
            self._forget_connection()
        if not is_sqlite():
            self._seen = None
        self.cpu_ns = time.thread_time_ns()
        self.transactions += 1
        self._loop.call_soon_threadsafe(self._answer, group, committed)

    def _write_hopefully(self, group: list[_Waiting]) -> Committed:
        committed = Committed()
        with transaction.atomic():
            intern.refresh()
            for waiting in group:
                waiting.result = waiting.write(committed, False)
            committed.written_ns = time.perf_counter_ns()
        return committed

    def _write_carefully(self, group: list[_Waiting]) -> Committed:
        """What is wrong with one batch must not cost the others. A lost database costs all."""
        committed = Committed()
        with transaction.atomic():
            intern.refresh()
            for waiting in group:
                try:
                    with transaction.atomic():
                        waiting.result = waiting.write(committed, True)
                except Exception as error:
                    if isinstance(error, OperationalError) and not is_about_data(error):
                        raise
                    log.exception("a batch could not be written")
                    waiting.error = error
            committed.written_ns = time.perf_counter_ns()
        return committed

    def _answer(self, group: list[_Waiting], committed: Committed) -> None:
        """In the loop: every request of the group gets its answer; what was committed is told."""
        stored = False
        for waiting in group:
            stored = stored or waiting.error is None
            if waiting.answer.done():
                continue  # the client went away; its data is kept all the same
            if waiting.error:
                waiting.answer.set_exception(waiting.error)
            else:
                waiting.answer.set_result(waiting.result)
        if stored:
            self._committed(committed)

    def _do(self, what: Callable[[], None]) -> None:
        """Whatever is wrong with it: without this thread nobody could write until a restart."""
        try:
            what()
        except DatabaseError:  # it will be tried again
            self._forget_connection()
        except Exception as error:
            if repr(error) != self._failure:  # once, and not ten times a second
                self._failure = repr(error)
                log.exception("what is done between writing failed")

    def _look_elsewhere(self) -> None:
        """Tells the loop when another process has committed since the last look."""
        try:
            now = _position()
        except DatabaseError:
            self._forget_connection()
            return
        if self._seen is not None and now != self._seen:
            self._loop.call_soon_threadsafe(self._committed, Committed(elsewhere=True))
        self._seen = now

    def _forget_connection(self) -> None:
        """A new one counts commits from another number."""
        self._seen = None
        with suppress(DatabaseError):
            close_old_connections()


def _position() -> object:
    """Something that moves when others commit. SQLite counts exactly that for us; elsewhere, the newest ids."""
    if is_sqlite():
        return execute("PRAGMA data_version").fetchone()
    newest = ", ".join(f"(SELECT {row})" for row in newest_rows)
    return execute(f"SELECT {newest}").fetchone()
