"""Starting afresh: everything is gone at once, and whoever goes on writing writes whole rows."""

from __future__ import annotations

import io
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction

from collector import clearing, intern, pages, store
from collector.clearing import clear
from collector.ingest import Saved, save_now
from collector.models import (
    Epoch,
    Exemplar,
    Log,
    MetricPoint,
    MetricStream,
    Operation,
    Resource,
    Scope,
    Span,
    Trace,
)
from collector.records import Batch
from collector.writer import Unavailable
from sandboxes.models import Claim, ObjectVersion
from sandboxes.recorded import read_changes
from sandboxes.store import IMPORTED, save_changes
from tests.factories import batch, make_exemplar, make_log, make_point, make_span
from tests.sandboxes.recordings import watch_lines
from tests.server import wait_for

TABLES = (Span, Trace, Log, MetricPoint, MetricStream, Exemplar, Operation, Resource, Scope)
WAIT_S = 20


def everything() -> Batch:
    return batch(make_span(), make_log(), make_point(1, exemplars=[make_exemplar(1)]))


@pytest.mark.django_db
def test_nothing_is_left_and_the_epoch_has_moved() -> None:
    save_now(everything())
    assert all(table.objects.exists() for table in TABLES)
    save_changes(IMPORTED, list(read_changes(watch_lines("quickstart-cold"))))
    clear()
    assert not any(table.objects.exists() for table in (*TABLES, Claim, ObjectVersion))
    before = Epoch.objects.get().number
    clear()
    assert Epoch.objects.get().number == before + 1


@pytest.mark.django_db
def test_what_is_written_afterwards_is_whole_again() -> None:
    made = everything()
    save_now(made)
    clear()
    assert save_now(made) == Saved(1, 1, 1)
    span = Span.objects.select_related("operation", "resource", "scope").get()
    assert (span.operation.name, span.resource.service, span.scope.name) == ("GET /", "shop", "tests")
    assert MetricPoint.objects.select_related("stream").get().stream.name == "requests"
    assert Trace.objects.get().span_count == 1


@pytest.mark.django_db(transaction=True)
def test_rows_are_whole_however_clearing_and_writing_meet() -> None:
    """A writer that remembers ids, and one that clears, at the same time: no row may point at what is gone."""
    made = [batch(make_span(f"operation {n % 7}"), make_point(n, time_ns=n + 1)) for n in range(40)]
    errors: list[BaseException] = []

    def write() -> None:
        try:
            for each in made:
                save_now(each)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    cleared = 0
    while writer.is_alive():
        clear()
        cleared += 1
    writer.join(WAIT_S)
    assert errors == []
    assert cleared > 0
    save_now(batch(make_span("operation 1")))
    for span in Span.objects.all():
        assert Operation.objects.filter(pk=span.operation_id).exists()
        assert Resource.objects.filter(pk=span.resource_id).exists()
    for point in MetricPoint.objects.all():
        assert MetricStream.objects.filter(pk=point.stream_id).exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_clearing_waits_for_a_writer_that_has_looked_at_the_epoch() -> None:
    save_now(batch(make_span("remembered")))
    cleared = threading.Event()

    def clear_elsewhere() -> None:
        try:
            clear()
        finally:
            cleared.set()
            connection.close()

    with transaction.atomic():
        intern.refresh()
        clearer = threading.Thread(target=clear_elsewhere)
        clearer.start()
        wait_for(lambda: cleared.is_set() or _somebody_waits(), WAIT_S)
        store.save(batch(make_span("remembered")), [], careful=False)
    clearer.join(WAIT_S)
    assert cleared.is_set()
    assert Span.objects.count() == Operation.objects.count() == 0


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_who_deletes_interned_rows_waits_for_a_writer_the_first_time_too() -> None:
    Epoch.objects.all().delete()  # a database starts without its row, and what is not there cannot be locked
    moved = threading.Event()

    def move_elsewhere() -> None:
        try:
            with transaction.atomic():
                clearing.move_epoch()
        finally:
            moved.set()
            connection.close()

    with transaction.atomic():
        intern.refresh()
        mover = threading.Thread(target=move_elsewhere)
        mover.start()
        wait_for(lambda: moved.is_set() or _somebody_waits(), WAIT_S)
        assert not moved.is_set()
    mover.join(WAIT_S)
    assert moved.is_set()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about SQLite's file")
@pytest.mark.django_db(transaction=True)
def test_pages_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "VACUUM_PAGES", 16)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        cursor.execute("VACUUM")  # a database that is there already is rebuilt by it
    for number in range(20):
        save_now(batch(*(make_log(f"{number} {n} " + "x" * 500) for n in range(100))))
    full_pages = _pragma("page_count")
    looks = []
    count_free = pages.free_pages

    def look() -> int:
        looks.append(count_free())
        return looks[-1]

    monkeypatch.setattr(clearing, "free_pages", look)
    clear()
    assert _pragma("freelist_count") == 0
    assert _pragma("page_count") < full_pages // 4
    assert looks[0] - looks[1] == 16  # that many at a time, not one by one


def _pragma(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_database_that_cannot_be_cleared_is_told_and_keeps_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    save_now(everything())

    def locked(tables: list[str]) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(clearing, "_delete", locked)
    with pytest.raises(Unavailable, match="database is locked"):
        clear()
    with pytest.raises(CommandError, match=r"database is locked\. Nothing was deleted\."):
        call_command("clear", "--yes")
    assert Span.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("YES", 0), ("", 1), ("n", 1), (None, 1)])
def test_the_command_asks_first(monkeypatch: pytest.MonkeyPatch, answer: str | None, left: int) -> None:
    def reply(prompt: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    save_now(everything())
    monkeypatch.setattr("builtins.input", reply)
    out = io.StringIO()
    if left:
        with pytest.raises(CommandError, match="Nothing was deleted"):
            call_command("clear", stdout=out)
    else:
        call_command("clear", stdout=out)
    assert Span.objects.count() == left
    assert "cannot be undone" in out.getvalue()


@pytest.mark.django_db
def test_the_command_does_as_told_without_asking() -> None:
    save_now(everything())
    out = io.StringIO()
    call_command("clear", "--yes", stdout=out)
    assert out.getvalue() == "All telemetry is deleted.\n"
    assert Span.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about SQLite's locks")
def test_a_new_connection_does_not_wait_for_whoever_writes() -> None:
    """Pages open a connection a request. One that waited for the writer would make every page wait under load."""
    path = Path(connection.settings_dict["NAME"])
    seen: list[Any] = []

    def look() -> None:
        try:
            seen.append(Span.objects.count())
        except OperationalError as error:
            seen.append(error)
        finally:
            connection.close()

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        looker = threading.Thread(target=look)
        looker.start()
        looker.join(WAIT_S)
        other.execute("ROLLBACK")
    assert seen == [0]
