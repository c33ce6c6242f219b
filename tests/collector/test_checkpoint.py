"""The log of writes is put into its place by a thread of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from collector import checkpoint
from collector.checkpoint import Checkpointer
from collector.ingest import save_now
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


def test_it_ends_when_it_is_told_to(transactional_db: None) -> None:
    checkpointer = Checkpointer()
    checkpointer.start()
    checkpointer.stop()
    assert not checkpointer._thread.is_alive()
