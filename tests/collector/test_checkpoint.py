"""The log of writes is put into its place by a thread of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from collector import checkpoint
from collector.checkpoint import Checkpointer
from collector.ingest import save_now
from collector.models import Span
from tests.factories import batch, make_span
from tests.server import wait_for


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does this by itself")
def test_what_was_written_reaches_the_file_without_the_writer(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL_S", 0.01)
    file = Path(connection.settings_dict["NAME"])
    save_now(batch(*[make_span(f"a name found in the file {number}") for number in range(500)]))
    name = b"a name found in the file 499"
    assert name not in file.read_bytes()  # it is in the log only
    checkpointer = Checkpointer()
    checkpointer.start()
    try:
        checkpointer.wrote()
        wait_for(lambda: name in file.read_bytes(), 30)
    finally:
        checkpointer.stop()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does this by itself")
def test_the_log_is_given_back_when_nobody_writes_any_more(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL_S", 0.01)
    monkeypatch.setattr(checkpoint, "IDLE_LOOKS", 3)
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    save_now(batch(*[make_span() for _ in range(500)]))
    assert log.stat().st_size > 100_000
    checkpointer = Checkpointer()
    checkpointer.start()
    try:
        checkpointer.wrote()
        wait_for(lambda: log.stat().st_size == 0, 30)
    finally:
        checkpointer.stop()
    assert Span.objects.count() == 500


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does this by itself")
def test_a_reader_keeps_the_log_and_nobody_waits(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL_S", 0.01)
    monkeypatch.setattr(checkpoint, "IDLE_LOOKS", 3)
    path = Path(connection.settings_dict["NAME"])
    log = Path(f"{path}-wal")
    save_now(batch(*[make_span() for _ in range(500)]))
    looks: list[None] = []
    give_back = checkpoint._give_log_back

    def look() -> None:
        give_back()
        looks.append(None)

    monkeypatch.setattr(checkpoint, "_give_log_back", look)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM collector_span").fetchall()
        save_now(batch(make_span()))
        checkpointer = Checkpointer()
        checkpointer.start()
        try:
            wait_for(lambda: len(looks) >= 3, 30)
            assert log.stat().st_size > 0
            save_now(batch(make_span()))  # is not held up
            reader.execute("COMMIT")
            wait_for(lambda: log.stat().st_size == 0, 30)
        finally:
            checkpointer.stop()


def test_it_ends_when_it_is_told_to(transactional_db: None) -> None:
    checkpointer = Checkpointer()
    checkpointer.start()
    checkpointer.stop()
    assert not checkpointer._thread.is_alive()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does this by itself")
def test_a_long_log_under_constant_load_begins_anew_once_the_writer_has_finished_it(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(connection.settings_dict["NAME"])
    put_into_place = checkpoint._put_into_place
    checkpointer = Checkpointer()

    def beginning() -> bytes:
        return Path(f"{path}-wal").read_bytes()[:32]

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:

        def begin() -> None:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO load VALUES (zeroblob(100000))")

        def overtaken() -> int:
            pages = put_into_place()
            writer.execute("COMMIT")
            begin()
            return pages

        def look_and_finish() -> None:
            begin()
            monkeypatch.setattr(checkpoint, "_put_into_place", overtaken)
            checkpointer._go_through()
            monkeypatch.setattr(checkpoint, "_put_into_place", put_into_place)
            writer.execute("COMMIT")
            checkpointer.finish()

        writer.execute("CREATE TABLE load (bytes)")
        try:
            first = beginning()
            look_and_finish()
            begin()
            writer.execute("COMMIT")
            assert beginning() == first  # it was short, and may grow

            monkeypatch.setattr(checkpoint, "LONG_PAGES", 10)
            look_and_finish()
            assert beginning() == first
            begin()
            writer.execute("COMMIT")
            assert beginning() != first
        finally:
            writer.execute("DROP TABLE load")
