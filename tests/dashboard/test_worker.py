"""The server's looking for test runs: it goes on whatever happens to one look."""

from __future__ import annotations

import asyncio

import pytest
from django.db import OperationalError

from dashboard import worker
from dashboard.worker import RunWorker

WAIT_S = 60  # only a failure takes that long


async def test_a_database_that_is_locked_at_one_look_does_not_end_the_looking(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OperationalError("database is locked")
        return False

    async def until(wanted: int) -> None:
        while looks < wanted:
            await asyncio.sleep(0)

    monkeypatch.setattr(worker, "_look", look)
    looking = RunWorker()
    looking.start()
    await asyncio.wait_for(until(1), WAIT_S)
    looking.wake()
    await asyncio.wait_for(until(2), WAIT_S)
    await looking.stop()
    assert "database is locked" in caplog.text
