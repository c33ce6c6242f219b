"""Pages and real servers: what one program sends reaches every open page, through one web process or two."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.collector.test_http import send, trace_request
from tests.pages import open_page
from tests.required import refuse
from tests.server import Server, running_server, wait_for

PAGES = 50

pytestmark = pytest.mark.server


def test_fifty_open_pages_all_hear_of_what_arrives(server: Server) -> None:
    with ExitStack() as stack:
        pages = [stack.enter_context(open_page(server, "traces")) for _ in range(PAGES)]
        assert send(server, trace_request("reaches fifty pages")).status == 200
        assert {page.hear()["type"] for page in pages} == {"delta"}


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of the test's own."""
    program = shutil.which("redis-server")
    if program is None:
        refuse("no Redis: install the package redis-server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), 20)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.mark.long
def test_pages_of_each_of_two_processes_hear_of_what_either_takes(tmp_path: Path, redis_url: str) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(running_server(tmp_path, REDIS_URL=redis_url))
        shared = {"REDIS_URL": redis_url} | ({"DATABASE_URL": first.database_url} if first.database_url else {})
        second = Server(tmp_path, **shared)
        if first.database_url:
            second.environment["DATABASE_URL"] = second.database_url = first.database_url
        second.log_path = tmp_path / "second.log"
        second.start()
        stack.callback(second.stop)
        pages = [stack.enter_context(open_page(server, "traces")) for server in (first, second)]
        for number, server in enumerate((first, second, first, second)):
            body = trace_request(f"through process {number}")
            assert send(server, body).status == 200
            for page in pages:
                # Each process counts its messages for itself: they are no gap in the other's.
                assert page.hear()["type"] == "delta"
