"""The demo: recorded sessions, whole, with their times moved and nothing else."""

from __future__ import annotations

import gzip
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from dashboard.management.commands.demo import FOLDER, write_sessions
from sandboxes.demo import APART_S, SESSIONS, begin_ns, moved, moves_s
from tests.pack_demo import pack
from tests.server import OURS, ROOT, Server, wait_for

pytestmark = pytest.mark.long

SECOND = 10**9
WAIT_S = 120  # only a failure takes that long


@pytest.mark.parametrize("session", SESSIONS)
def test_a_session_is_the_recording(session: str) -> None:
    packed = (FOLDER / f"{session}.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == gzip.decompress(pack(session))


def test_every_time_moves_and_nothing_else() -> None:
    line = (
        b'{"received_unix_nano":1795472900178711837,"a":"2026-11-23T23:59:59Z","b":"2026-11-24T10:00:00.123456789Z",'
        b'"c":"2026-11-24T10:00:00.5+00:00","startTimeUnixNano":"1795472900000000001","id":"1795472900178711837ab",'
        b'"version":"1795472900","day":"2026-11-24"}'
    )
    expected = (
        b'{"received_unix_nano":1795472902178711837,"a":"2026-11-24T00:00:01Z","b":"2026-11-24T10:00:02.123456789Z",'
        b'"c":"2026-11-24T10:00:02.5+00:00","startTimeUnixNano":"1795472902000000001","id":"1795472900178711837ab",'
        b'"version":"1795472900","day":"2026-11-24"}'
    )
    assert list(moved([line], 2)) == [expected]
    assert list(moved([expected], -2)) == [line]


def test_the_sessions_follow_each_other_until_now() -> None:
    begins, now_ns = [5 * SECOND + 1, 1_000 * SECOND, 70 * SECOND], 2_000 * SECOND
    shown = [begin + by_s * SECOND for begin, by_s in zip(begins, moves_s(begins, now_ns), strict=True)]
    gaps = [later - earlier for earlier, later in itertools.pairwise([*shown, now_ns])]
    assert all(abs(gap - APART_S * SECOND) <= SECOND for gap in gaps)


def test_all_of_them_lie_in_the_quarter_of_an_hour_that_pages_begin_with(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    begins = [begin_ns(path.read_bytes().splitlines()) for path in write_sessions(tmp_path, now_ns)]
    assert begins == sorted(begins)
    assert all(now_ns - 14 * 60 * SECOND < begin < now_ns for begin in begins)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Server]:
    """`manage.py demo` on free ports; its data lie below the directory that was given."""
    server = Server(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment |= {name: value for name, value in server.environment.items() if name.startswith(OURS)}
    with server.log_path.open("ab") as log:
        command = [sys.executable, "manage.py", "demo"]
        server.process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    yield server
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()


def test_it_shows_the_sessions_apart_from_what_was_collected(demo: Server) -> None:
    wait_for(lambda: "Ctrl-C stops it" in demo.log, WAIT_S, lambda: demo.log)
    claims = orjson.loads(demo.get("/api/v1/claims?range=15m&limit=200"))["items"]
    assert len(claims) > 50
    assert {claim["state"] for claim in claims} >= {"deleted", "failed", "expired"}
    linked = {link["claim_uid"] for link in demo.csv("links") if link["certainty"] != "ambiguous"}
    assert len(linked & {claim["uid"] for claim in claims}) > 40
    assert demo.rows("SELECT name FROM sqlite_master") == []  # of the database beside
    demo.stop()
