"""Long exports, whose rest a process of its own writes: the same bytes, and nobody takes a part for the whole."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from django.http import QueryDict

from collector.paging import Cursor
from dashboard import child_process, export_writer
from dashboard.csv_rows import compared
from dashboard.export import NAMES, Rest, parse_export
from dashboard.export_writer import MAX_WRITERS
from dashboard.management.commands.demo import write_sessions
from dashboard.packed import Packer
from tests.dashboard.test_export import ASKED, run_export, send_logs
from tests.server import ROOT, Server, wait_for

WAIT_S = 60  # only a failure takes that long
ENDLESS = "import sys; sys.stdin.read()\nwhile True: sys.stdout.write('x' * 65_536)"
A_RUN = """
from sandboxes.plans import Plan
from sandboxes.runs import outcome, recording
run_id = recording.ask(Plan("pool", count=3), "a test", queued=False)
recording.begin(run_id)
recording.end(run_id, recording.RunState.FINISHED, outcome=outcome.final(run_id))
"""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Recorded sessions, in a server that hands on each export after its first row."""
    folder = tmp_path_factory.mktemp("hasty")
    server = Server(folder)
    server.command = [sys.executable, "-m", "tests.dashboard.hasty_server", "60"]
    files = write_sessions(folder, time.time_ns())
    manage = [sys.executable, str(ROOT / "manage.py")]
    for command in (["migrate", "--verbosity=0"], ["import", *map(str, files)], ["shell", "--command", A_RUN]):
        subprocess.run([*manage, *command], env=server.environment, check=True, capture_output=True, timeout=120)
    server.start()
    yield server
    server.kill()


def writers(server: Server) -> set[int]:
    """The processes that write for it."""
    assert server.process is not None
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, fields = status.read_text().rpartition(")")
            state, parent = fields.split()[:2]
            command = (status.parent / "cmdline").read_bytes()
            if parent == str(server.process.pid) and state != "Z" and b"write_rest" in command:
                found.add(int(status.parent.name))
    return found


def pipes() -> set[str]:
    """This process's open pipes."""
    found = set()
    for place in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(str(place.readlink()))
    return {place for place in found if place.startswith("pipe:")}


def begun(server: Server, path: str, **headers: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """An answer of which nothing is read yet, and its connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.pages_port, timeout=WAIT_S)
    connection.request("GET", path, headers=headers)
    return connection, connection.getresponse()


def stopped_writer(server: Server, known: frozenset[int] = frozenset()) -> int:
    """The one that writes now, held: it neither goes on nor ends."""
    wait_for(lambda: writers(server) - known, WAIT_S, lambda: "nothing writes")
    (pid,) = writers(server) - known
    os.kill(pid, signal.SIGSTOP)
    return pid


# The same bytes


@pytest.mark.long
@pytest.mark.server
@pytest.mark.parametrize("name", NAMES)
def test_the_rest_is_written_by_a_process_as_the_command_writes_it(hasty: Server, name: str) -> None:
    query = ASKED.get(name, "")
    body = hasty.get(f"/export/{name}.csv?{query}")
    done = run_export(hasty, name, *(f"--{key}={value}" for key, value in QueryDict(query).items()))
    assert done.returncode == 0, done.stderr
    assert body == done.stdout
    assert body.count(b"\r\n") > 1, "header and rows"
    packed = hasty.get(f"/export/{name}.csv?{query}", **{"Accept-Encoding": "gzip"})
    reading = zlib.decompressobj(wbits=31)  # stops behind the first stream, as browsers do
    assert reading.decompress(packed) == body
    assert (reading.eof, reading.unused_data) == (True, b"")


@pytest.mark.long
@pytest.mark.server
@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("spans", "range=24h&q=duration+%3E+1ms&status=unset"),
        ("logs", "severity=info&from=2020-01-01"),
        ("claims", "start=warm&limit=3"),
        ("stages", "start=warm&limit=20"),
        ("links", "pool=nowhere"),
    ],
)
def test_filters_and_limits_go_with_it(hasty: Server, name: str, query: str) -> None:
    arguments = [f"--{key}={value}" for key, value in QueryDict(query).items()]
    assert hasty.get(f"/export/{name}.csv?{query}") == run_export(hasty, name, *arguments).stdout


@pytest.mark.django_db
def test_what_is_handed_on_asks_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = parse_export("spans", QueryDict("range=15m&service=a%26b&q=x+%3D+%22%C3%BC%22&to=&limit=9"))
    told = Rest("spans", asked, newest_id=5).query
    monkeypatch.setattr("time.time_ns", lambda: 0)  # much else than now
    read = parse_export("spans", QueryDict(told))
    assert (read.filter, read.limit, read.cursor) == (asked.filter, 9, None)


@pytest.mark.django_db
def test_what_is_handed_on_goes_on_where_the_first_part_ended() -> None:
    asked = parse_export("logs", QueryDict("from=5&to=9"))
    assert Rest("logs", asked).query == "from=5&to=9&limit=9223372036854775807"
    asked = parse_export("logs", QueryDict("cursor=7-3&limit=4"))
    assert parse_export("logs", QueryDict(Rest("logs", asked).query)).cursor == Cursor(7, "3")


def test_beyond_four_gigabytes_gzip_holds_what_is_left_of_the_length() -> None:
    packer = Packer(length=2**32 - 1)
    packer.pack(b"ab")
    assert packer.end()[-4:] == b"\x01\x00\x00\x00"


# Nobody takes a part for the whole


@pytest.mark.long
@pytest.mark.server
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("name", sorted(NAMES.keys() - compared.TABLES.keys()))  # those are never long
def test_a_writer_that_ends_too_early_breaks_the_body(hasty: Server, name: str, encoding: str) -> None:
    connection, answer = begun(hasty, f"/export/{name}.csv", **{"Accept-Encoding": encoding})
    with closing(connection):
        assert answer.status == 200
        os.kill(stopped_writer(hasty), signal.SIGKILL)
        with pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
    part: bytes = broken.value.partial
    if encoding == "gzip":
        reading = zlib.decompressobj(wbits=31)
        part = reading.decompress(part)
        assert not reading.eof
    assert part.endswith(b"\r\n"), "whole rows, as far as they came"
    assert f"what writes {name}.csv ended with status -9" in hasty.log


@pytest.mark.long
@pytest.mark.server
@pytest.mark.one_database  # where a row can be taken away behind its back
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_failure_in_the_middle_is_an_error_for_the_client(tmp_path: Path, encoding: str) -> None:
    damaged = Server(tmp_path, DATABASE_URL="")
    damaged.command = [sys.executable, "-m", "tests.dashboard.hasty_server", "60"]
    damaged.start()
    try:
        send_logs(damaged, "lost", "the oldest line")
        send_logs(damaged, "kept", *(f"line {number}" for number in range(3_000)))
        with closing(sqlite3.connect(tmp_path / "dashboard.sqlite3")) as database, database:
            database.execute("DELETE FROM collector_resource WHERE service = 'lost'")
        with pytest.raises(http.client.IncompleteRead):
            damaged.get("/export/logs.csv", **{"Accept-Encoding": encoding})
        assert "KeyError" in damaged.log
        assert "what writes logs.csv ended with status 1" in damaged.log
    finally:
        damaged.kill()


# Processes that nobody waits for


@pytest.mark.long
@pytest.mark.server
def test_a_client_that_leaves_takes_its_writer_with_it(hasty: Server) -> None:
    said = len(hasty.log)
    connection, answer = begun(hasty, "/export/spans.csv")
    pid = stopped_writer(hasty)  # by itself it would not end any more
    answer.close()
    connection.close()
    wait_for(lambda: pid not in writers(hasty), WAIT_S, lambda: "it is still there")
    assert hasty.log[said:] == "", "that is no failure"


async def test_a_client_that_leaves_while_more_has_come_than_it_took_lets_go_of_the_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child_process, "command", lambda *words: [sys.executable, "-c", ENDLESS])
    monkeypatch.setattr(export_writer, "READ_BYTES", 1)  # whatever comes is more than is taken
    chunks = export_writer.rest_of(Rest("logs", parse_export("logs", QueryDict())), None)
    before = pipes()
    await anext(chunks)
    assert pipes() != before
    await chunks.aclose()
    assert pipes() == before


@pytest.mark.long
@pytest.mark.server
def test_one_long_list_too_many_is_asked_to_come_again(hasty: Server) -> None:
    connections, pids = [], frozenset[int]()
    try:
        for _ in range(MAX_WRITERS):
            connections.append(begun(hasty, "/export/links.csv"))
            pids |= {stopped_writer(hasty, pids)}
        with pytest.raises(urllib.error.HTTPError) as refused:
            hasty.get("/export/spans.csv")
        assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "10")
        assert b"try again in a few seconds" in refused.value.read()
        assert hasty.get("/export/spans.csv?service=nobody").count(b"\r\n") == 1, "a short one is written at once"
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert {answer.read() for _, answer in connections} == {hasty.get("/export/links.csv")}
    finally:
        for connection, _ in connections:
            connection.close()


@pytest.mark.long
@pytest.mark.server
def test_a_client_that_takes_nothing_loses_its_writer(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.command = [sys.executable, "-m", "tests.dashboard.hasty_server", "1"]
    server.start()
    try:
        for part in range(8):
            send_logs(server, "long", *(f"{part} {number} {'x' * 10_000}" for number in range(400)))
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            client.connect(("127.0.0.1", server.pages_port))
            client.sendall(b"GET /export/logs.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            wait_for(lambda: writers(server), WAIT_S, lambda: "nothing writes")
            wait_for(lambda: not writers(server), WAIT_S, lambda: "it waits for ever")
            answer = http.client.HTTPResponse(client)
            answer.begin()
            with pytest.raises(http.client.IncompleteRead):
                answer.read()
    finally:
        server.kill()
