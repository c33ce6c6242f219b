"""Commands beside a running server, on the same database: it shows what they brought, and forgets what they deleted."""

from __future__ import annotations

import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator

import pytest

from tests.collector.wire import a_span, traces
from tests.server import ROOT, Server, running_server, wait_for

pytestmark = pytest.mark.server

RECORDED = ROOT / "tests/data/full-path/otlp"
WAIT_S = 30


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One whose data may be deleted."""
    with running_server(tmp_path_factory.mktemp("cleared")) as running:
        yield running


def manage(server: Server, *arguments: str) -> str:
    """A command's output, with the server's database."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=server.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def send(server: Server, name: str) -> None:
    body = traces(a_span(name=name, span_id=name.encode()[:8].ljust(8, b"."))).SerializeToString()
    headers = {"Content-Type": "application/x-protobuf"}
    request = urllib.request.Request(f"{server.otlp_url}/v1/traces", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def test_an_import_is_on_the_pages_at_once(own_server: Server) -> None:
    assert manage(own_server, "import", *map(str, sorted(RECORDED.glob("*.pb")))).startswith("imported: 371 spans")
    assert len(own_server.csv("spans")) >= 371
    assert b"/traces/0b8aee28e8e233fa000d7290cd1fdbad/" in own_server.get("/traces/?range=all&limit=500")


def test_a_server_goes_on_after_its_data_was_cleared(own_server: Server) -> None:
    """It remembers the ids of names it has stored; their rows are gone."""
    send(own_server, "before")
    assert own_server.count_spans("before") == 1
    assert manage(own_server, "clear", "--yes") == "All telemetry is deleted.\n"
    assert own_server.csv("spans") == []
    send(own_server, "before")
    send(own_server, "after")
    assert own_server.span_names() == {"before", "after"}
    assert {span["service"] for span in own_server.csv("spans")} == {"shop"}


@pytest.mark.long
def test_clearing_under_load_takes_nothing_that_came_later(own_server: Server) -> None:
    acknowledged = 0
    cleared = threading.Event()

    def send_on() -> None:
        nonlocal acknowledged
        until = None
        while until is None or acknowledged < until:
            send(own_server, f"{acknowledged + 1:08}")
            acknowledged += 1
            if until is None and cleared.is_set():
                until = acknowledged + 20

    sender = threading.Thread(target=send_on)
    sender.start()
    wait_for(lambda: acknowledged > 20, WAIT_S)
    for _ in range(3):
        manage(own_server, "clear", "--yes")
    last_before = acknowledged + 1  # one more may have been committed before the last clearing, and answered after it
    cleared.set()
    sender.join(WAIT_S)
    assert acknowledged >= last_before + 19
    names = own_server.span_names()
    assert {f"{number:08}" for number in range(last_before + 1, acknowledged + 1)} <= names
    assert len(names) == len(own_server.csv("spans"))
