"""A lease: one process has it, and another one gets it when that one is gone. What two do with it: tests/faults."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from collector.ingest import ingest
from sandboxes.models import Lease as Row
from sandboxes.watch.lease import Beat, Holder, Lease, held, this_machine
from tests.sandboxes.fake_cluster import until
from tests.server import ROOT, Server

WAIT_S = 120  # only a failure takes that long
QUICK = Beat(renew_s=0.02, look_s=0.02, lost_s=30)
IMPATIENT = Beat(renew_s=30, look_s=0.02, lost_s=0.1)
ELSEWHERE = {"machine": "another machine", "process": 1, "word": "theirs"}


def hear(words: str) -> None:
    pass


@pytest.fixture
async def writer(transactional_db: None) -> AsyncIterator[None]:
    """The one thread that writes, as in a server."""
    ingest.start(asyncio.get_running_loop())
    yield
    await ingest.stop()
    await sync_to_async(connections.close_all)()  # of the thread that Django asks for us


async def stored() -> Row:
    return await Row.objects.aget(name="work")


async def test_the_first_who_asks_has_it(writer: None) -> None:
    await Lease("work", QUICK).take(hear)
    row = await stored()
    assert (row.machine, row.beat) == (this_machine(), 1)


async def test_the_next_one_waits_and_hears_what_the_holder_says(writer: None) -> None:
    first, second = Lease("work", QUICK), Lease("work", QUICK)
    await first.take(hear)
    holding = asyncio.ensure_future(first.hold(lambda: "does it"))
    heard: list[str] = []
    waiting = asyncio.ensure_future(second.take(heard.append))
    await until(lambda: any(words.endswith("does it") for words in heard), WAIT_S)
    assert not waiting.done()
    await first.leave()
    await asyncio.wait_for(waiting, WAIT_S)
    await asyncio.wait_for(holding, WAIT_S)  # which finds that it is somebody else's


async def test_a_holder_elsewhere_that_is_silent_loses_it(writer: None) -> None:
    await Row.objects.acreate(name="work", **ELSEWHERE)
    await asyncio.wait_for(Lease("work", IMPATIENT).take(hear), WAIT_S)
    assert (await stored()).machine == this_machine()


async def test_a_holder_elsewhere_keeps_it_while_its_beat_moves(writer: None) -> None:
    await Row.objects.acreate(name="work", **ELSEWHERE)
    waiting = asyncio.ensure_future(Lease("work", Beat(30, 0.01, 5)).take(hear))
    for beat in range(1, 20):
        await Row.objects.filter(name="work").aupdate(beat=beat)
        done, _ = await asyncio.wait([waiting], timeout=0.01)
        assert not done
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (await stored()).word == "theirs"


async def test_a_holder_that_was_killed_on_this_machine_loses_it_at_once(writer: None) -> None:
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    await Row.objects.acreate(name="work", machine=this_machine(), process=ended.pid, word="theirs")
    await asyncio.wait_for(Lease("work", QUICK).take(hear), WAIT_S)


async def test_of_two_who_saw_the_same_only_one_gets_it(writer: None) -> None:
    await Row.objects.acreate(name="work", **ELSEWHERE)
    both = [asyncio.ensure_future(Lease("work", IMPATIENT).take(hear)) for _ in range(2)]
    done, waiting = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED, timeout=WAIT_S)
    assert (len(done), len(waiting)) == (1, 1)
    for each in both:
        each.cancel()
    await asyncio.gather(*both, return_exceptions=True)


async def test_after_everything_was_cleared_it_is_lost_and_can_be_had_again(writer: None) -> None:
    lease = Lease("work", QUICK)
    await lease.take(hear)
    holding = asyncio.ensure_future(lease.hold(lambda: ""))
    await Row.objects.all().adelete()
    await asyncio.wait_for(holding, WAIT_S)
    await asyncio.wait_for(lease.take(hear), WAIT_S)


def test_who_has_not_renewed_for_long_is_not_told_about(db: None) -> None:
    Row.objects.create(name="work a", renewed_ns=1, **ELSEWHERE)
    assert held("work", 60) == []


def test_a_process_of_another_machine_is_never_known_to_be_gone() -> None:
    assert not Holder("another machine", 2**22 + 1, "w").is_gone
    assert Holder(this_machine(), 2**22 + 1, "w").is_gone


def test_it_says_what_to_do_when_there_is_nothing_to_watch_with(tmp_path: Path) -> None:
    server = Server(tmp_path)
    for variables, words in (({}, "DASHBOARD_CLUSTER is off"), ({"DASHBOARD_CLUSTER": "auto"}, "manage.py up")):
        done = subprocess.run(
            [sys.executable, "manage.py", "watch_claims"],
            env=server.environment | variables,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
        assert done.returncode == 2
        assert words in done.stderr
