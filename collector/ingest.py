"""The pipeline in one screen: admit, decode, mask, store with what follows from it, commit, acknowledge, publish.

Before: a door hands over a whole body. After: the rows are in the database, and `after_commit` has been told.

Decoding runs in a thread of its own, off the event loop. All writing is done by one thread, which takes whatever
requests wait into one transaction (group commit) and resolves their acknowledgements after the commit: an answer of
200 survives kill -9. What waits is bounded by bytes; beyond that the sender is asked to come again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, transaction

from collector import intern, rollup, store, summary
from collector.checkpoint import Checkpointer
from collector.decode import Encoding, Signal, decode
from collector.gzip import unpack
from collector.records import Batch, NewRows, Stage
from collector.redact import redact
from collector.sql import is_sqlite
from collector.statistics import Statistics
from collector.writer import Committed, Unavailable, Work, Writer

log = logging.getLogger(__name__)
T = TypeVar("T")

# Wire bytes admitted and not yet answered. Decoded they take about five times that.
MAX_WAITING_BYTES = 32 * 1024 * 1024
SAVE_TIMEOUT_S = 60
CAREFUL_ATTEMPTS = 3  # PostgreSQL: another receiver may commit the same rows between our look and our insert

# The interpreter's own settings, for two threads that both want its lock (512-span bodies, 2 cores, spans/s): as they
# come 45,000; a switch after 0.2 ms instead of 5, so that the writer gets the lock back soon after a statement, 53,000;
# collecting garbage a hundred times less often, since what is decoded has no cycles, 60,000.
SWITCH_INTERVAL_S = 0.0002
GC_THRESHOLDS = (100_000, 50, 1_000)

# What acts on new rows inside their transaction. `asgi` adds to it what the layers above hand down.
in_transaction: list[Stage] = [summary.update, rollup.update]
# What is told after a commit, in the event loop.
after_commit: list[Callable[[Committed], None]] = []


class Overloaded(Exception):
    """Too much is waiting; the sender should try again in a second or two (503, UNAVAILABLE)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sender is told: how many items were refused, and why. Everything else is committed."""

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """Rows that were not there before."""

    spans: int
    logs: int
    points: int


class Ingest:
    """The receiver's state: one a process, started in its event loop."""

    def __init__(self) -> None:
        self.stats = Statistics()
        self._writer: Writer | None = None
        self._decoders: ThreadPoolExecutor | None = None
        self._checkpointer: Checkpointer | None = None
        self._waiting_bytes = 0

    @property
    def running(self) -> bool:
        """Whether the writer thread takes work."""
        return self._writer is not None and self._writer.alive

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Starts the decoder and writer threads, and sets the interpreter up for them."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._decoders = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode")
        if is_sqlite():
            self._checkpointer = Checkpointer()
            self._checkpointer.start()
        self._writer = Writer(loop, self._write, self._committed, idle=rollup.count_waiting, between=self._between)
        self._writer.start()

    async def stop(self) -> None:
        """Finishes what was admitted, then stops the threads. New work is turned away at once."""
        writer, decoders, self._writer, self._decoders = self._writer, self._decoders, None, None
        if decoders:
            await asyncio.to_thread(decoders.shutdown, wait=True)
        if writer:
            await asyncio.sleep(0)  # lets requests whose decoding just ended reach the writer
            await writer.stop()
        checkpointer, self._checkpointer = self._checkpointer, None
        if checkpointer:
            await asyncio.to_thread(checkpointer.stop)

    def admits(self, size_bytes: int) -> bool:
        """Whether a body of this size would be taken now. A single one always is when nothing else waits."""
        return self.running and (not self._waiting_bytes or self._waiting_bytes + size_bytes <= MAX_WAITING_BYTES)

    async def submit(self, signal: Signal, body: bytes, encoding: Encoding, *, packed: bool = False) -> Receipt:
        """Unpacks (gzip), decodes and stores one request; returns after the commit.

        Raises DecodeError or BadGzip (400), TooLarge (413), Overloaded or Unavailable (503).
        """
        if not self.admits(len(body)) or self._decoders is None or self._writer is None:
            raise self._turned_away()
        writer = self._writer
        held_bytes = len(body)
        self._waiting_bytes += held_bytes
        try:
            loop = asyncio.get_running_loop()
            batch, size_bytes = await loop.run_in_executor(self._decoders, self._decode, signal, body, encoding, packed)
            self._waiting_bytes += size_bytes - held_bytes
            held_bytes = size_bytes
            await writer.write(batch)
        finally:
            self._waiting_bytes -= held_bytes
        return self._receipt(batch)

    def save_from_thread(self, batch: Batch) -> Saved:
        """Stores records made in another thread of this process (a page's import); returns after the commit.

        Only the writer writes, where there is one: what it remembers of interned rows is its thread's own.
        Raises Unavailable.
        """
        writer = self._writer
        return save_now(batch) if writer is None else _saved(_answer(writer, writer.write(batch)))

    async def run(self, work: Work[T], items: int = 1) -> T:
        """Writes rows of a layer above in the writer's transaction; returns after the commit. Raises Unavailable."""
        if self._writer is None:
            raise Unavailable("the server is stopping")
        return await self._writer.run(work, items)

    def run_from_thread(self, work: Work[T], items: int = 1) -> T:
        """The same from a thread of this process, and in a command, which has no writer, right here."""
        writer = self._writer
        return run_now(work) if writer is None else _answer(writer, writer.run(work, items))

    def run_beside(self, work: Work[T], items: int = 1) -> T:
        """The same beside the writer, where the database takes several: for work that remembers no interned row."""
        return self.run_from_thread(work, items) if is_sqlite() else _run_here(work)

    def _receipt(self, batch: Batch) -> Receipt:
        self.stats.count(batch)
        return Receipt(batch.rejected, "; ".join(batch.reasons))

    def _decode(self, signal: Signal, body: bytes, encoding: Encoding, packed: bool) -> tuple[Batch, int]:
        """In the decoder's thread: the batch, and how many bytes the body had once unpacked."""
        try:
            if packed:
                body = self._unpack(body)
            batch = decode(signal, body, encoding)
            redact(batch)
            return batch, len(body)
        finally:
            self.stats.decode_ns = time.thread_time_ns()

    def _unpack(self, packed: bytes) -> bytes:
        """The plain body, if there is room for it: what was admitted as a kilobyte may turn out to be a megabyte."""
        body = unpack(packed, settings.OTLP_MAX_BODY_BYTES)
        others_bytes = self._waiting_bytes - len(packed)
        if others_bytes > 0 and others_bytes + len(body) > MAX_WAITING_BYTES:
            raise self._turned_away()
        return body

    def _turned_away(self) -> Overloaded:
        self.stats.turned_away += 1
        return Overloaded("too many requests are waiting to be written; try again in a second")

    def _write(self, batch: Batch, careful: bool) -> NewRows:
        """In the writer's thread and transaction."""
        return _save(batch, careful)

    def _between(self) -> None:
        """In the writer's thread, between two transactions."""
        if self._checkpointer is not None:
            self._checkpointer.finish()

    def _committed(self, committed: Committed) -> None:
        """In the event loop, after a commit."""
        if self._writer is not None:
            self.stats.write_ns, self.stats.transactions = self._writer.cpu_ns, self._writer.transactions
        if self._checkpointer is not None:
            self._checkpointer.wrote()
        for tell in after_commit:
            try:
                tell(committed)
            except Exception:
                # The rows are safe and acknowledged; a page that was not told finds them at its next look.
                log.exception("telling about a commit failed")


ingest = Ingest()


def save_now(batch: Batch) -> Saved:
    """Stores a batch in this thread and a transaction of its own: for commands, outside a server.

    Raises Unavailable when the database cannot take it.
    """
    try:
        try:
            new = _save_in_transaction(batch, careful=False)
        except store.Repeated:
            new = _save_in_transaction(batch, careful=True)
    except DatabaseError as error:
        intern.forget()  # the commit itself may have failed, and the new rows are gone
        raise Unavailable(f"the database cannot be written: {error}") from error
    return _saved(new)


def run_now(work: Work[T]) -> T:
    """Does the work in this thread and a transaction of its own: for commands, outside a server. Raises Unavailable."""

    def refreshed(committed: Committed) -> T:
        intern.refresh()  # also keeps whoever needs to be alone waiting until this is committed
        return work(committed)

    try:
        return _run_here(refreshed)
    except Unavailable:
        intern.forget()
        raise


def _run_here(work: Work[T]) -> T:
    try:
        with transaction.atomic():
            committed = Committed()
            answer = work(committed)
            committed.written_ns = time.perf_counter_ns()
            return answer
    except DatabaseError as error:
        raise Unavailable(f"the database cannot be written: {error}") from error


def _answer(writer: Writer, writing: Coroutine[Any, Any, T]) -> T:
    """What the writer answers, for a thread that is not the event loop's."""
    try:
        answer = asyncio.run_coroutine_threadsafe(writing, writer.loop)
    except RuntimeError as error:  # the loop has ended
        writing.close()
        raise Unavailable("the server is stopping") from error
    try:
        return answer.result(SAVE_TIMEOUT_S)
    except TimeoutError as error:
        raise Unavailable("the server is stopping, or very busy") from error


def _saved(new: NewRows) -> Saved:
    return Saved(len(new.spans), len(new.logs), len(new.points))


def _save_in_transaction(batch: Batch, *, careful: bool) -> NewRows:
    with transaction.atomic():
        intern.refresh()
        return _save(batch, careful)


def _save(batch: Batch, careful: bool) -> NewRows:
    """In the caller's transaction. Raises Repeated; when `careful`, only if others commit the same again and again."""
    for _ in range(CAREFUL_ATTEMPTS - 1 if careful else 0):
        with suppress(store.Repeated), transaction.atomic():
            return store.save(batch, in_transaction, careful=True)
    return store.save(batch, in_transaction, careful=careful)


__all__ = [
    "Ingest",
    "Overloaded",
    "Receipt",
    "Saved",
    "Unavailable",
    "after_commit",
    "in_transaction",
    "ingest",
    "run_now",
    "save_now",
]
