"""What is old goes, the oldest first, traces whole, a batch at a time; what is still needed stays."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from collector import intern
from collector.ingest import ingest, save_now
from collector.models import (
    Arrival,
    Exemplar,
    Log,
    MetricPoint,
    MetricStream,
    Operation,
    PartlyPruned,
    Pruning,
    Resource,
    Rollup,
    RollupNews,
    Scope,
    Span,
    Trace,
)
from collector.retention import arrivals, disk, interned, record, stages, traces
from collector.retention import pace as pacing
from collector.retention.pace import Pace
from collector.retention.passes import Deleted, Limits, Pass
from collector.retention.record import Reason
from collector.retention.running import LOCK, alone
from collector.rollup import count_news
from collector.sql import execute
from tests.factories import batch, make_exemplar, make_log, make_point, make_span, span_id, trace_id

DAY_NS = 86_400 * 10**9
WEEK = Limits(7, 0, 90)


def received(days_ago: float, *made: Any) -> None:
    """Stores these as if they had come so long ago, and nothing else since the last call."""
    save_now(batch(*made))
    arrivals.note(stages.noted_tables, time.time_ns() - int(days_ago * DAY_NS))


def spans_of(trace: int, count: int, first: int = 0, **options: Any) -> list[Any]:
    return [make_span(trace=trace_id(trace), span=span_id(trace * 10_000 + first + n), **options) for n in range(count)]


def stopping(after: int = 10**9) -> Callable[[float], bool]:
    """Never, or after so many looks."""
    looks = iter(range(after))
    return lambda seconds: next(looks, None) is None


def prune(limits: Limits = WEEK, **options: Any) -> Pass:
    one = Pass(ingest.run_from_thread, stopping(**options))
    one.by_age(limits)
    return one


def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four a batch."""
    for name in ("FIRST_ROWS", "MAX_ROWS", "MIN_ROWS"):
        monkeypatch.setattr(pacing, name, 4)


def traces_left() -> dict[str, int]:
    """Spans by trace; the summaries say the same."""
    found: dict[str, int] = {}
    for each in Span.objects.values_list("trace_id", flat=True):
        found[str(each)] = found.get(str(each), 0) + 1
    assert {str(row.trace_id): row.span_count for row in Trace.objects.all()} == found
    return found


@pytest.mark.django_db
def test_what_came_before_the_last_days_goes_and_all_else_stays() -> None:
    now_ns = time.time_ns()  # windows of rollups go by what spans say, and are not meant here
    old, new = spans_of(1, 3, start_ns=now_ns), spans_of(2, 2, start_ns=now_ns)
    received(8, *old, make_log("old"), make_point(1, time_ns=1, exemplars=[make_exemplar(1)]))
    received(6, *new, make_log("new"), make_point(2, time_ns=2, exemplars=[make_exemplar(2)]))
    done = prune()
    assert traces_left() == {trace_id(2): 2}
    assert [log.body for log in Log.objects.all()] == ["new"]
    assert [point.value_int for point in MetricPoint.objects.all()] == [2]
    assert [exemplar.value_int for exemplar in Exemplar.objects.all()] == [2]
    assert done.deleted.rows == {"spans": 4, "log records": 1, "metric points": 1, "exemplars": 1}


@pytest.mark.django_db
def test_age_counts_from_when_it_came_whatever_its_sender_says() -> None:
    received(8, *spans_of(1, 1, start_ns=2**62), make_log("from the future", time_ns=2**62))
    received(1, *spans_of(2, 1, start_ns=1), make_log("imported", time_ns=1))
    prune()
    assert traces_left() == {trace_id(2): 1}
    assert [log.body for log in Log.objects.all()] == ["imported"]


@pytest.mark.django_db
def test_what_no_note_covers_counts_as_new() -> None:
    save_now(batch(*spans_of(1, 1), make_log()))
    prune()
    assert Span.objects.count() == Log.objects.count() == 1
    received(8, *spans_of(2, 1))
    prune()
    assert Span.objects.count() == 0


@pytest.mark.django_db
def test_a_trace_that_goes_on_stays_whole() -> None:
    received(9, *spans_of(1, 3), *spans_of(2, 3))
    received(1, *spans_of(1, 1, first=3))
    prune()
    assert traces_left() == {trace_id(1): 4}


@pytest.mark.django_db
def test_traces_that_go_on_do_not_hide_those_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "WINDOW", 2)
    monkeypatch.setattr(traces, "MAX_WINDOWS", 2)
    received(9, *spans_of(1, 9))
    received(8, *spans_of(2, 2))
    received(1, *spans_of(1, 1, first=9))
    for _ in range(6):  # a round may take several passes
        prune()
    assert traces_left() == {trace_id(1): 10}


@pytest.mark.django_db
def test_a_trace_larger_than_a_batch_goes_in_several_and_its_page_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch)
    received(8, *spans_of(1, 11), *spans_of(2, 2))
    prune(after=4)  # ends in the middle, as a crash would
    left = Span.objects.filter(trace_id=trace_id(1)).count()
    assert 0 < left < 11
    assert not Trace.objects.filter(trace_id=trace_id(1)).exists()
    prune()
    assert traces_left() == {}
    assert not PartlyPruned.objects.exists()


@pytest.mark.django_db
def test_a_late_span_of_a_half_deleted_trace_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch)
    received(8, *spans_of(1, 11))
    prune(after=4)
    save_now(batch(*spans_of(1, 1, first=11)))
    assert Trace.objects.filter(trace_id=trace_id(1)).exists()
    prune()
    assert traces_left() == {}
    save_now(batch(*spans_of(1, 1, first=12)))  # the next one is a trace of its own
    assert traces_left() == {trace_id(1): 1}


class SlowRows:
    """A kind of which a row takes so long by the clock to delete, and to commit; a pass ends after some batches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock_ns = 10**12
        self.row_ns = self.commit_row_ns = 0
        self.rows = 0
        self.sizes: list[int] = []
        self.wanted = 0
        self.waits: list[float] = []
        self.pace = Pace()
        monkeypatch.setattr(stages, "old_rows", [stages.OldRows("slow", lambda: 0, self.prune)])
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self.clock_ns)

    def a_pass(self, row_ns: int, batches: int = 6, commit_row_ns: int = 0) -> list[int]:
        """The sizes of its batches."""
        self.row_ns, self.commit_row_ns = row_ns, commit_row_ns
        self.sizes, self.wanted = [], batches
        Pass(ingest.run_from_thread, self.wait, self.told, pace=self.pace).by_age(WEEK)
        return self.sizes

    def prune(self, before_ns: int, limit: int) -> int:
        self.clock_ns += limit * self.row_ns
        transaction.on_commit(lambda: self.commit(limit))
        self.rows += limit
        return limit

    def commit(self, rows: int) -> None:
        self.clock_ns += rows * self.commit_row_ns

    def told(self, deleted: Deleted) -> None:
        self.sizes.append(self.rows)
        self.rows = 0

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.sizes) == self.wanted


@pytest.mark.django_db
def test_a_batch_that_held_the_writer_too_long_makes_the_next_ones_as_small_as_they_have_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row costs 0.2 ms: from 200 ms to what is aimed at, and it stays there; a single writer is others' as long."""
    slow = SlowRows(monkeypatch)
    assert slow.a_pass(2 * 10**5) == [1_000] + [175] * 5
    waits = [0.035] * 5 + [0.2] if connection.vendor == "sqlite" else []
    assert sorted(wait for wait in slow.waits if wait) == waits


@pytest.mark.django_db
def test_on_a_fast_disk_batches_grow_as_far_as_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SlowRows(monkeypatch).a_pass(1_000) == [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]


@pytest.mark.django_db
def test_batches_follow_a_disk_that_becomes_slow_and_fast_again_from_pass_to_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = SlowRows(monkeypatch)
    slow.a_pass(4_000)
    assert slow.a_pass(10**6, 4) == [1_000, 280, 35, 35]
    assert slow.a_pass(10**7, 3) == [35, 20, 20]  # fewer are not worth a transaction
    assert slow.a_pass(4_000, 4) == [20, 40, 80, 160]
    held = slow.pace.holds()
    assert (held.batches, held.max_ns) == (17, 10**9)


@pytest.mark.django_db
def test_a_batch_ends_when_its_time_is_up_whatever_it_was_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the thread has no core for a while: a size learned before says nothing of that."""
    slow = SlowRows(monkeypatch)
    slow.a_pass(1_000)
    assert slow.a_pass(13_000, 2) == [2_000, 2_000]
    assert slow.pace.rows("slow") == 8_000


@pytest.mark.django_db
def test_the_last_rows_of_a_kind_say_nothing_of_how_many_could_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace()
    pace.held("spans", 10, 10**6)
    assert pace.rows("spans") == pacing.FIRST_ROWS
    pace.held("spans", 10, 500 * 10**6)
    assert pace.rows("spans") == 70
    assert pace.rows("log records") == pacing.FIRST_ROWS


@pytest.mark.django_db(transaction=True)
def test_what_the_commit_took_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting takes nothing, as in a cache; writing it down takes 0.1 ms a row."""
    slow = SlowRows(monkeypatch)
    assert slow.a_pass(0, 4, commit_row_ns=10**5) == [1_000, 350, 350, 350]
    assert slow.pace.holds().max_ns == 10**8


@pytest.mark.django_db
def test_rollups_are_kept_longer_and_a_limit_of_0_is_none() -> None:
    asked: dict[str, int] = {}

    def ask(name: str) -> Callable[[int, int], int]:
        def answer(before_ns: int, limit: int) -> int:
            asked[name] = before_ns
            return 0

        return answer

    kinds = [stages.OldRows(keep.value, lambda: 0, ask(keep.value), keep) for keep in stages.Keep]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "old_rows", kinds)
        now_ns = time.time_ns()
        prune()
        assert asked["raw"] == asked["days"] > asked["rollups"]
        assert abs(now_ns - asked["rollups"] - 90 * DAY_NS) < DAY_NS
        asked.clear()
        prune(Limits(0, 0, 0))
        assert asked == {}


@pytest.mark.django_db
def test_too_much_is_deleted_from_what_came_first_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 6):
        received(6 - number, *spans_of(number, 4), make_log(f"{number}"))
    few_rows(monkeypatch)
    # Bytes are rows here, so that the test says which ones.
    monkeypatch.setattr(disk, "measure", lambda: disk.Disk(0, Span.objects.count(), 0))
    one = Pass(ingest.run_from_thread, stopping())
    one.by_bytes(8)
    assert traces_left() == {trace_id(4): 4, trace_id(5): 4}
    assert [log.body for log in Log.objects.order_by("id")] == ["5"]  # a batch takes what it may
    row = Pruning.objects.get()
    assert (row.reason, row.deleted["spans"]) == (Reason.BYTES, 15)
    assert abs(time.time_ns() - 2 * DAY_NS - row.until_ns) < DAY_NS


@pytest.mark.django_db
def test_what_is_too_much_but_may_not_go_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    received(1, *spans_of(1, 1))
    monkeypatch.setattr(disk, "measure", lambda: disk.Disk(0, 10, 0))
    one = Pass(ingest.run_from_thread, stopping())
    one.by_bytes(8)
    assert one.deleted.rows == {"spans": 2}


@pytest.mark.django_db
def test_of_too_much_a_trace_that_goes_on_is_the_last_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    received(3, *spans_of(1, 4))
    received(2, *spans_of(2, 2), *spans_of(3, 2))
    received(1, *spans_of(1, 4, first=4))
    monkeypatch.setattr(disk, "measure", lambda: disk.Disk(0, Span.objects.count(), 0))
    few_rows(monkeypatch)
    one = Pass(ingest.run_from_thread, stopping())
    one.by_bytes(8)
    assert traces_left() == {trace_id(1): 8}


def test_the_log_of_writes_counts_but_deletes_no_more_than_half() -> None:
    assert disk.Disk(0, used=100, free=0, log=0).over(100) == 0
    assert disk.Disk(0, used=90, free=0, log=20).over(100) == 10
    assert disk.Disk(0, used=50, free=0, log=10_000).over(100) == 0


@pytest.mark.django_db
def test_it_says_when_and_why_something_was_deleted() -> None:
    received(8, *spans_of(1, 2))
    received(1, *spans_of(2, 1))
    assert record.pruned(None) is None
    prune()
    row = record.pruned(time.time_ns() - 8 * DAY_NS)
    assert row is not None
    assert (row.reason, row.deleted) == (Reason.AGE, {"spans": 3})
    assert record.pruned(time.time_ns() - DAY_NS) is None  # nothing of yesterday was deleted


@pytest.mark.django_db
def test_an_hours_work_is_one_row() -> None:
    for number in range(3):
        record.add(Reason.AGE, "spans", 10, number)
    record.add(Reason.BYTES, "spans", 5, 1)
    assert Pruning.objects.count() == 2
    assert Pruning.objects.get(reason=Reason.AGE).deleted == {"spans": 30}


@pytest.mark.django_db
def test_notes_nobody_needs_go_and_the_last_one_stays() -> None:
    received(30, make_log("a"))
    received(20, make_log("b"))
    prune()
    assert Log.objects.count() == 0
    assert Arrival.objects.filter(table="collector_log").count() == 1
    received(8, make_log("c"))
    prune()
    assert Log.objects.count() == 0


def forget_rollups() -> None:
    """As if they had been deleted, months later."""
    Rollup.objects.all().delete()
    RollupNews.objects.all().delete()


@pytest.mark.django_db
def test_operations_that_rollups_measure_keep_their_names() -> None:
    received(8, make_span("old"))
    prune()
    assert interned.prune(ingest.run_from_thread, stopping())["operations"] == 0
    count_news()
    assert interned.prune(ingest.run_from_thread, stopping())["operations"] == 0
    forget_rollups()
    assert interned.prune(ingest.run_from_thread, stopping())["operations"] == 1


@pytest.mark.django_db
def test_rollups_of_short_windows_go_with_the_spans_and_the_others_stay() -> None:
    received(8, make_span(start_ns=time.time_ns() - 8 * DAY_NS))
    count_news()
    lengths = set(Rollup.objects.values_list("window_s", flat=True))
    prune()
    assert set(Rollup.objects.values_list("window_s", flat=True)) == lengths - {10, 60}
    prune(Limits(7, 0, 7.5))
    assert not Rollup.objects.exists()


@pytest.mark.django_db
def test_what_nothing_points_at_any_more_goes_and_writers_forget_it() -> None:
    old = [make_span("old", service="old", scope="old"), make_point(1, name="old", service="old", scope="old")]
    received(8, *old, make_log("old", service="old", scope="old"))
    received(1, make_span("new"), make_point(1), make_log("new"))
    prune()
    forget_rollups()
    deleted = interned.prune(ingest.run_from_thread, stopping())
    assert deleted == {"metric streams": 1, "operations": 1, "resources": 1, "scopes": 1}
    assert [row.name for row in Operation.objects.all()] == ["new"]
    assert [row.service for row in Resource.objects.all()] == ["shop"]
    assert [row.name for row in Scope.objects.all()] == ["tests"]
    assert MetricStream.objects.count() == 1
    save_now(batch(make_span("old", service="old", scope="old", span=span_id(77))))
    span = Span.objects.select_related("operation", "resource", "scope").get(span_id=span_id(77))
    assert (span.operation.name, span.resource.service, span.scope.name) == ("old", "old", "old")


@pytest.mark.django_db
def test_many_unused_names_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interned, "CANDIDATES", 3)
    monkeypatch.setattr(interned, "PART", 2)
    received(8, *(make_span(f"old {n}", service=f"old {n}") for n in range(10)))
    received(1, make_span("new"))
    prune()
    forget_rollups()
    deleted = interned.prune(ingest.run_from_thread, stopping())
    assert deleted["operations"] == 10
    assert deleted["resources"] == 3  # the rest next time
    assert Operation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_rows_are_whole_however_pruning_and_writing_meet() -> None:
    """Writers that add to traces, and one that deletes them with all their names, at the same time."""
    errors: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(60):
                made = spans_of(number % 7 + 1, 3, first=number * 3, name=f"operation {number % 5}")
                save_now(batch(*made, make_point(number, time_ns=number + 1), make_log(f"{number}")))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        ingest.run_from_thread(lambda _: arrivals.note(stages.noted_tables, time.time_ns()))
        prune(Limits(1e-12, 0, 0))
        interned.prune(ingest.run_from_thread, stopping())
    writer.join(60)
    assert errors == []
    traces_left()
    intern.forget()
    save_now(batch(make_span("operation 1"), make_point(1, time_ns=10**6)))
    for span in Span.objects.all():
        assert Operation.objects.filter(pk=span.operation_id).exists()
        assert Resource.objects.filter(pk=span.resource_id).exists()
        assert Scope.objects.filter(pk=span.scope_id).exists()
    for point in MetricPoint.objects.all():
        assert MetricStream.objects.filter(pk=point.stream_id).exists()


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about SQLite's file")
@pytest.mark.django_db(transaction=True)
def test_freed_pages_are_given_back_but_for_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "VACUUM_PAGES", 16)
    monkeypatch.setattr(disk, "KEPT_FREE_BYTES", 64 * 1024)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        cursor.execute("VACUUM")  # a database that is there already is rebuilt by it
    for number in range(20):
        received(8, *(make_log(f"{number} {n} " + "x" * 500) for n in range(100)))
    full = disk.measure()
    prune()
    assert disk.measure().used < full.used / 4
    steps = 0
    while disk.give_back():
        steps += 1
    assert steps > 2
    now = disk.measure()
    assert now.free <= 64 * 1024 + 4096
    assert now.total - now.log < (full.total - full.log) / 2


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite knows its pages")
@pytest.mark.django_db(transaction=True)
def test_on_postgresql_what_is_in_use_is_estimated() -> None:
    for number in range(20):
        received(8 if number < 10 else 1, *(make_log(f"{number} {n} " + "x" * 500) for n in range(100)))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE collector_log")
        full = disk.measure()
        prune()
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("VACUUM ANALYZE collector_log")
    half = disk.measure()
    assert 0.4 < half.used / full.used < 0.75
    assert half.total > full.total * 0.9
    assert full.without(1_000).used < full.used


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite plans without figures")
@pytest.mark.django_db(transaction=True)
def test_on_postgresql_tables_that_were_never_analysed_are() -> None:
    def analysed() -> set[str]:
        execute("SELECT pg_stat_force_next_flush()")
        return {row[0] for row in execute("SELECT relname FROM pg_stat_user_tables WHERE analyze_count > 0")}

    execute("SELECT pg_stat_reset()")
    received(8, *(make_log(f"{number}") for number in range(disk.UNKNOWN_ROWS)), make_span())
    assert not analysed()
    disk.analyse_new_tables()
    assert analysed() == {"collector_log"}


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_one_process_deletes_at_a_time() -> None:
    seen: list[bool] = []

    def look() -> None:
        try:
            with alone() as we_are:
                seen.append(we_are)
        finally:
            connection.close()

    def look_elsewhere() -> None:
        looker = threading.Thread(target=look)
        looker.start()
        looker.join(60)

    with alone() as we_are:
        assert we_are
        look_elsewhere()
    look_elsewhere()
    assert seen == [False, True]
    assert execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", (LOCK,)).fetchone() == (
        0,
    )


@pytest.mark.django_db(transaction=True)
def test_the_command_deletes_to_the_limits_of_the_settings(settings: Settings) -> None:
    received(8, *spans_of(1, 2), make_log("old"))
    received(1, *spans_of(2, 1))
    out = io.StringIO()
    call_command("prune", stdout=out)
    assert "Deleted: 3 spans, 1 log records" in out.getvalue()
    assert "On disk: " in out.getvalue()
    assert traces_left() == {trace_id(2): 1}
    out = io.StringIO()
    call_command("prune", stdout=out)
    assert out.getvalue().startswith("Deleted: nothing: all of it may stay.")


@pytest.mark.django_db(transaction=True)
def test_the_command_deletes_what_is_older_than_it_is_told() -> None:
    received(3, *spans_of(1, 2))
    received(1, *spans_of(2, 1))
    call_command("prune", "--older-than", "48h", stdout=io.StringIO())
    assert traces_left() == {trace_id(2): 1}
    assert Pruning.objects.get().reason == Reason.ASKED
    call_command("prune", "--older-than", "0s", stdout=io.StringIO())
    assert traces_left() == {}


@pytest.mark.django_db(transaction=True)
def test_the_command_deletes_until_it_fits() -> None:
    received(3, *spans_of(1, 2), make_log())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # else PostgreSQL counts rows in its own time
    call_command("prune", "--max-bytes", "1B", stdout=io.StringIO())
    assert traces_left() == {}
    assert not Log.objects.exists()


@pytest.mark.parametrize(("option", "value"), [("--older-than", "3"), ("--older-than", "soon"), ("--max-bytes", "2 X")])
def test_the_command_says_what_it_does_not_understand(option: str, value: str) -> None:
    with pytest.raises(CommandError, match=f"{option} is '{value}'"):
        call_command("prune", option, value)
