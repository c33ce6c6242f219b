"""The pipeline: bounded at its entrance, one transaction for all that wait, an answer after the commit only."""

from __future__ import annotations

import asyncio
import gc
import gzip
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any, TypeVar

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from collector import ingest as ingest_module
from collector import store, summary
from collector.decode import DecodeError
from collector.gzip import BadGzip, TooLarge
from collector.ingest import Ingest, Overloaded, Saved, Unavailable, save_now
from collector.models import Log, Rollup, RollupNews, Span, Trace
from collector.records import Batch, NewRows
from collector.writer import Committed
from tests.collector.wire import a_span, traces
from tests.factories import batch, make_log, make_span, span_id, trace_id

pytestmark = pytest.mark.django_db(transaction=True)
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about SQLite's locks")

Result = TypeVar("Result")
WAIT_S = 20  # never waited for unless something is broken


@pytest.fixture(autouse=True)
def interpreter_as_it_was() -> Iterator[None]:
    """`start` sets the interpreter up for a server."""
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval_s)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class Gate:
    """A stage that holds the writer inside its transaction until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()
        monkeypatch.setattr(ingest_module, "in_transaction", [summary.update, self._pass])

    def _pass(self, new: NewRows) -> None:
        self.reached.set()
        assert self._open.wait(WAIT_S)

    def open(self) -> None:
        self._open.set()

    async def wait(self) -> None:
        """Until the writer stands before it."""
        assert await asyncio.to_thread(self.reached.wait, WAIT_S)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.open()


@asynccontextmanager
async def started() -> AsyncIterator[Ingest]:
    ingest = Ingest()
    ingest.start(asyncio.get_running_loop())
    try:
        yield ingest
    finally:
        await ingest.stop()


def run(story: Callable[[Ingest], Awaitable[Result]]) -> Result:
    """Runs a story with an Ingest that is started before and has stopped after it."""

    async def with_ingest() -> Result:
        async with started() as ingest:
            return await story(ingest)

    return asyncio.run(asyncio.wait_for(with_ingest(), 3 * WAIT_S))


async def write(ingest: Ingest, made: Batch) -> Saved:
    """Stores records as a page's import does."""
    return await asyncio.to_thread(ingest.save_from_thread, made)


async def elsewhere(work: Callable[[], Result]) -> Result:
    """Does something with a database connection of its own."""

    def with_connection() -> Result:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(with_connection)


def body(*names: str) -> bytes:
    """A trace body with a span of each name, each of a trace of its own."""
    return traces(*(a_span(name=name, trace_id=(name.encode() + b"." * 16)[:16]) for name in names)).SerializeToString()


def names() -> list[str]:
    return sorted(span.operation.name for span in Span.objects.select_related("operation"))


def test_what_is_answered_is_committed() -> None:
    async def story(ingest: Ingest) -> None:
        receipt = await ingest.submit("traces", body("one", "two"), "protobuf")
        assert (receipt.rejected, receipt.message) == (0, "")
        assert await elsewhere(names) == ["one", "two"]

    run(story)
    assert Trace.objects.count() == 2


def test_nothing_is_answered_before_its_commit(gate: Gate) -> None:
    async def story(ingest: Ingest) -> None:
        answer = asyncio.create_task(ingest.submit("traces", body("one"), "protobuf"))
        await gate.wait()
        assert await elsewhere(Span.objects.count) == 0
        assert not answer.done()
        gate.open()
        await answer
        assert await elsewhere(names) == ["one"]

    run(story)


def test_requests_that_wait_share_a_transaction(gate: Gate) -> None:
    async def story(ingest: Ingest) -> int:
        answers = [asyncio.create_task(ingest.submit("traces", body("first"), "protobuf"))]
        await gate.wait()
        answers += [asyncio.create_task(ingest.submit("traces", body(f"{n}"), "protobuf")) for n in range(9)]
        while ingest.stats.decode_ns == 0 or not all(_queued(ingest, 9)):
            await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*answers)
        return ingest.stats.transactions

    assert run(story) == 2
    assert len(names()) == 10


def _queued(ingest: Ingest, count: int) -> Iterator[bool]:
    assert ingest._writer is not None
    yield ingest._writer._queue.qsize() >= count


def test_one_bad_batch_costs_its_sender_only(gate: Gate) -> None:
    impossible = batch(make_span("impossible", start_ns=2**70))

    async def story(ingest: Ingest) -> list[Any]:
        first = asyncio.create_task(write(ingest, batch(make_span("first"))))
        await gate.wait()
        made = [batch(make_span("before")), impossible, batch(make_span("after")), batch(make_log("kept"))]
        answers = [asyncio.create_task(write(ingest, each)) for each in made]
        while not all(_queued(ingest, 4)):
            await asyncio.sleep(0)
        gate.open()
        await first
        return await asyncio.gather(*answers, return_exceptions=True)

    before, bad, after, log = run(story)
    assert isinstance(bad, Exception)
    assert not isinstance(bad, Unavailable)
    assert (before, after, log) == (Saved(1, 0, 0), Saved(1, 0, 0), Saved(0, 1, 0))
    assert names() == ["after", "before", "first"]
    assert Log.objects.count() == 1
    assert Trace.objects.count() == 3


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no such limit")
def test_what_is_too_large_for_a_database_costs_its_sender_only(gate: Gate) -> None:
    """PostgreSQL calls that an operational error, as it does a lost connection. A retry would help nobody."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX too_small ON collector_operation (name)")
    try:
        name = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(9_000))

        async def story(ingest: Ingest) -> list[Any]:
            first = asyncio.create_task(write(ingest, batch(make_span("first"))))
            await gate.wait()
            answers = [asyncio.create_task(write(ingest, batch(make_span(each)))) for each in ("before", name, "after")]
            while not all(_queued(ingest, 3)):
                await asyncio.sleep(0)
            gate.open()
            await first
            return await asyncio.gather(*answers, return_exceptions=True)

        before, bad, after = run(story)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX too_small")
    assert isinstance(bad, OperationalError)
    assert (before, after) == (Saved(1, 0, 0), Saved(1, 0, 0))
    assert names() == ["after", "before", "first"]


def test_a_retry_in_the_same_transaction_counts_once(gate: Gate) -> None:
    made = batch(make_span("again", trace=trace_id(1)), make_log("again"))

    async def story(ingest: Ingest) -> None:
        first = asyncio.create_task(write(ingest, batch(make_span("first"))))
        await gate.wait()
        answers = [asyncio.create_task(write(ingest, made)) for _ in range(3)]
        while not all(_queued(ingest, 3)):
            await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(first, *answers)

    run(story)
    assert names() == ["again", "first"]
    assert Log.objects.count() == 1
    assert Trace.objects.get(trace_id=trace_id(1)).span_count == 1


def test_refused_items_are_told_and_the_rest_is_stored() -> None:
    message = traces(a_span(name="good"), a_span(span_id=b"short")).SerializeToString()

    async def story(ingest: Ingest) -> Any:
        receipt = await ingest.submit("traces", message, "protobuf")
        return receipt, ingest.stats

    receipt, stats = run(story)
    assert receipt.rejected == 1
    assert "span id" in receipt.message
    assert (stats.spans, stats.rejected, stats.last_rejection) == (1, 1, receipt.message)
    assert names() == ["good"]


@pytest.mark.parametrize(
    ("content", "packed", "error"),
    [
        (b"nonsense", False, DecodeError),
        (b"nonsense", True, BadGzip),
        (gzip.compress(b"nonsense"), True, DecodeError),
        (gzip.compress(bytes(2_000_000)), True, TooLarge),
    ],
    ids=["no message", "no gzip", "no message inside", "too large"],
)
def test_what_cannot_be_read_is_refused_and_holds_no_room(
    content: bytes, packed: bool, error: type[Exception], settings: Any
) -> None:
    settings.OTLP_MAX_BODY_BYTES = 1_000_000

    async def story(ingest: Ingest) -> int:
        with pytest.raises(error):
            await ingest.submit("traces", content, "protobuf", packed=packed)
        return ingest._waiting_bytes

    assert run(story) == 0


def test_what_waits_is_bounded_and_there_is_room_again_afterwards(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "MAX_WAITING_BYTES", 100)
    large = body(*(f"{n}" for n in range(8)))
    assert len(large) > 100

    async def story(ingest: Ingest) -> int:
        assert ingest.admits(10**9)  # a single body always is, when nothing else waits
        first = asyncio.create_task(ingest.submit("traces", large, "protobuf"))
        await gate.wait()
        assert not ingest.admits(1)
        with pytest.raises(Overloaded, match="try again"):
            await ingest.submit("traces", body("late"), "protobuf")
        gate.open()
        await first
        await ingest.submit("traces", body("late"), "protobuf")
        return ingest.stats.turned_away

    assert run(story) == 1
    assert "late" in names()


def test_packed_bodies_are_bounded_by_what_they_unpack_to(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that is small as sent is let in; once unpacked there is no room for it beside what waits."""
    monkeypatch.setattr(ingest_module, "MAX_WAITING_BYTES", 5_000)
    long_name = "x" * 100_000
    packed = gzip.compress(traces(a_span(name=long_name)).SerializeToString())
    assert len(packed) < 1_000

    async def story(ingest: Ingest) -> None:
        first = asyncio.create_task(ingest.submit("traces", body("first"), "protobuf"))
        await gate.wait()
        with pytest.raises(Overloaded):
            await ingest.submit("traces", packed, "protobuf", packed=True)
        gate.open()
        await first
        await ingest.submit("traces", packed, "protobuf", packed=True)

    run(story)
    assert names() == ["first", long_name]


def test_what_was_admitted_is_stored_before_it_stops(gate: Gate) -> None:
    async def story() -> list[Any]:
        ingest = Ingest()
        ingest.start(asyncio.get_running_loop())
        answers = [asyncio.create_task(ingest.submit("traces", body(f"{n}"), "protobuf")) for n in range(20)]
        await gate.wait()
        stopping = asyncio.create_task(ingest.stop())
        await asyncio.sleep(0)
        assert not ingest.running
        with pytest.raises(Overloaded):
            await ingest.submit("traces", body("late"), "protobuf")
        gate.open()
        await stopping
        return await asyncio.gather(*answers, return_exceptions=True)

    answers = asyncio.run(asyncio.wait_for(story(), WAIT_S))
    assert not any(isinstance(answer, Exception) for answer in answers)
    assert len(names()) == 20


def test_data_of_a_client_that_went_away_is_kept_and_its_room_freed(gate: Gate) -> None:
    async def story(ingest: Ingest) -> int:
        answer = asyncio.create_task(ingest.submit("traces", body("gone"), "protobuf"))
        await gate.wait()
        answer.cancel()
        gate.open()
        with pytest.raises(asyncio.CancelledError):
            await answer
        await ingest.submit("traces", body("next"), "protobuf")
        return ingest._waiting_bytes

    assert run(story) == 0
    assert names() == ["gone", "next"]


def test_a_commit_is_told_with_what_it_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Committed] = []

    def fail(committed: Committed) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ingest_module, "after_commit", [fail, told.append])
    made = batch(make_span(trace=trace_id(1)), make_span(trace=trace_id(1)), make_log(), make_log())

    async def story(ingest: Ingest) -> None:
        await write(ingest, made)
        await write(ingest, made)

    run(story)
    first, again = told
    assert first == Committed(spans=2, logs=1 + 1, points=0, trace_ids={trace_id(1)})
    assert again == Committed()


def test_a_commit_of_another_process_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(ingest: Ingest) -> Committed:
        noticed: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        monkeypatch.setattr(ingest_module, "after_commit", [noticed.set_result])
        while ingest._writer is None or ingest._writer._seen is None:  # it has looked once
            await asyncio.sleep(0.01)
        await elsewhere(lambda: save_now(batch(make_span("imported"))))
        return await asyncio.wait_for(noticed, WAIT_S)

    assert run(story).elsewhere


@on_sqlite  # elsewhere our own commits move what is looked at
def test_a_commit_of_another_process_is_noticed_while_we_write_without_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(ingest: Ingest) -> bool:
        noticed = asyncio.Event()
        tell: list[Callable[[Committed], None]] = [lambda committed: noticed.set() if committed.elsewhere else None]
        monkeypatch.setattr(ingest_module, "after_commit", tell)
        imported = asyncio.create_task(elsewhere(lambda: save_now(batch(make_span("imported")))))
        before = asyncio.get_running_loop().time()
        while not noticed.is_set() and asyncio.get_running_loop().time() < before + WAIT_S:
            await write(ingest, batch(make_span("ours")))
        await imported
        return noticed.is_set()

    assert run(story)


def test_what_came_last_is_counted_though_nothing_comes_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(ingest: Ingest) -> tuple[int, int]:
        monkeypatch.setattr("collector.rollup.news._clock.next_s", float("inf"))  # counted a moment ago
        await write(ingest, batch(make_span("last")))
        noted = await elsewhere(RollupNews.objects.count)
        monkeypatch.setattr("collector.rollup.news._clock.next_s", 0.0)
        async with asyncio.timeout(WAIT_S):
            while await elsewhere(RollupNews.objects.count):
                await asyncio.sleep(0.01)
        return noted, await elsewhere(Rollup.objects.filter(window_s=10).count)

    noted, counted = run(story)
    assert noted == 1
    assert counted == 2  # of the operation, and of all together


@on_sqlite
def test_a_locked_database_is_told_as_one_to_try_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    path = connection.settings_dict["NAME"]

    async def story(ingest: Ingest) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="locked"):
                await ingest.submit("traces", body("refused"), "protobuf")
            other.execute("ROLLBACK")
        await ingest.submit("traces", body("accepted"), "protobuf")

    run(story)
    assert names() == ["accepted"]


def fail_next_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a full disk does: everything went well until the end."""
    real: Any = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]  # not in the stubs
    left = ["disk full"]

    def commit(self: BaseDatabaseWrapper) -> None:
        if left:
            raise OperationalError(left.pop())
        real(self)

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)


def test_ids_of_a_commit_that_failed_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their rows were rolled back: a span that pointed at them would have no name and no service."""

    async def story(ingest: Ingest) -> None:
        fail_next_commit(monkeypatch)
        with pytest.raises(Unavailable, match="disk full"):
            await ingest.submit("traces", body("name"), "protobuf")
        await write(ingest, batch(make_span("other")))  # takes the ids the first one would have had
        await ingest.submit("traces", body("name"), "protobuf")

    run(story)
    assert names() == ["name", "other"]


def test_a_command_that_cannot_commit_says_so_and_forgets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = batch(make_span("name"))
    fail_next_commit(monkeypatch)
    with pytest.raises(Unavailable, match="disk full"):
        save_now(made)
    assert save_now(batch(make_span("other"))) == Saved(1, 0, 0)
    assert save_now(made) == Saved(1, 0, 0)
    assert names() == ["name", "other"]


def test_it_counts_what_it_has_done() -> None:
    async def story(ingest: Ingest) -> Any:
        await ingest.submit("traces", body("one", "two"), "protobuf")
        await ingest.submit("traces", body("three"), "protobuf")
        return ingest.stats

    stats = run(story)
    assert (stats.spans, stats.points, stats.rejected, stats.turned_away) == (3, 0, 0, 0)
    assert stats.transactions == 2
    assert stats.last_receipt_ns >= stats.started_ns


def test_several_writers_of_the_same_batches_store_each_item_once() -> None:
    """Receivers share a database; a sender that waited too long for one sends the same again to another."""
    made = [
        batch(
            *(make_span(f"name {k}", trace=trace_id(k), span=span_id(n * 10 + k + 1)) for k in range(1, 8)),
            make_log(f"{n}"),
        )
        for n in range(15)
    ]
    start = threading.Barrier(4)
    saved: list[Saved] = []
    errors: list[BaseException] = []

    def write_all() -> None:
        try:
            start.wait(WAIT_S)
            for each in made:
                saved.append(save_now(each))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=write_all) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(3 * WAIT_S)
    assert errors == []
    assert (sum(one.spans for one in saved), sum(one.logs for one in saved)) == (15 * 7, 15)
    assert (Span.objects.count(), Log.objects.count()) == (15 * 7, 15)
    assert sorted(Trace.objects.values_list("span_count", flat=True)) == [15] * 7


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_what_another_receiver_commits_after_our_look_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known, new = make_span("name"), make_span("name")
    save_now(batch(known))
    look: Any = store._leave_out_known
    left = [batch(new)]

    def look_too_early(*args: Any) -> Any:
        found = look(*args)
        if left:
            other = threading.Thread(target=_save_elsewhere, args=[left.pop()])
            other.start()
            other.join(WAIT_S)
        return found

    monkeypatch.setattr(store, "_leave_out_known", look_too_early)

    async def story(ingest: Ingest) -> Saved:
        return await write(ingest, batch(known, new, make_span("name")))

    assert run(story) == Saved(1, 0, 0)
    assert names() == ["name"] * 3
    left.append(batch(make_span("name", trace=trace_id(5), span=span_id(5))))
    assert save_now(batch(known, make_span("name", trace=trace_id(5), span=span_id(5)))) == Saved(0, 0, 0)


def _save_elsewhere(made: Batch) -> None:
    try:
        save_now(made)
    finally:
        connection.close()


# Rows of the layers above


def test_what_a_layer_above_writes_is_committed_in_the_writers_transaction_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Committed] = []
    monkeypatch.setattr(ingest_module, "after_commit", [told.append])

    def work(committed: Committed) -> str:
        committed.tell("claims", ["a", "b"])
        return threading.current_thread().name

    async def story(ingest: Ingest) -> tuple[str, str]:
        return await ingest.run(work), await asyncio.to_thread(ingest.run_from_thread, work)

    assert run(story) == ("writer", "writer")
    assert [committed.changed for committed in told if not committed.elsewhere] == [{"claims": {"a", "b"}}] * 2


def test_work_that_fails_costs_only_itself(gate: Gate) -> None:
    def work(committed: Committed) -> None:
        Trace.objects.all().delete()
        raise ValueError("odd object")

    async def story(ingest: Ingest) -> list[Any]:
        first = asyncio.create_task(ingest.submit("traces", body("one"), "protobuf"))
        await gate.wait()
        beside = [asyncio.create_task(ingest.submit("traces", body("two"), "protobuf"))]
        failing = asyncio.create_task(ingest.run(work))
        await asyncio.sleep(0)
        gate.open()
        return await asyncio.gather(first, *beside, failing, return_exceptions=True)

    answers = run(story)
    assert [type(answer).__name__ for answer in answers] == ["Receipt", "Receipt", "ValueError"]
    assert Trace.objects.count() == 2


def test_work_beside_the_writer_waits_for_it_only_where_the_database_has_one(gate: Gate) -> None:
    ended: list[str] = []

    def work(committed: Committed) -> None:
        ended.append(threading.current_thread().name)

    def beside(ingest: Ingest) -> None:
        try:
            ingest.run_beside(work)
        finally:
            connection.close()

    async def story(ingest: Ingest) -> None:
        first = asyncio.create_task(ingest.submit("traces", body("one"), "protobuf"))
        await gate.wait()
        second = asyncio.create_task(asyncio.to_thread(beside, ingest))
        if connection.vendor == "postgresql":
            await second
        gate.open()
        await asyncio.gather(first, second)

    run(story)
    assert (ended == ["writer"]) is (connection.vendor == "sqlite")


def test_work_that_comes_when_the_loop_has_ended_is_turned_away() -> None:
    async def story(ingest: Ingest) -> tuple[Ingest, Any]:
        return ingest, ingest._writer

    ended, writer = run(story)
    ended._writer = writer  # as a thread sees it that has looked just before
    with pytest.raises(Unavailable, match="stopping"):
        ended.run_from_thread(lambda committed: None)


def test_the_writer_outlives_what_fails_between_writing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[None] = []

    def fail() -> None:
        failed.append(None)
        raise ValueError("counts of windows that cannot be read")

    monkeypatch.setattr("collector.rollup.count_waiting", fail)

    async def story(ingest: Ingest) -> bool:
        while len(failed) < 3:
            await asyncio.sleep(0.01)
        await ingest.submit("traces", body("one"), "protobuf")
        return ingest.running

    assert run(story)
    assert Trace.objects.count() == 1
    assert len([record for record in caplog.records if record.name == "collector.writer"]) == 1


def test_without_a_writer_work_runs_in_the_callers_thread() -> None:
    assert Ingest().run_from_thread(lambda committed: connection.in_atomic_block)
