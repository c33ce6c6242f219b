"""What is stored is masked while more arrives, and whoever masks is killed: nothing that was acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.senders import start_senders
from tests.faults.test_retention import check_whole
from tests.server import ROOT, Server, running_server, wait_for

pytestmark = pytest.mark.server
REDACT = [sys.executable, str(ROOT / "manage.py"), "redact"]
PATTERN = "operation ([0-3])"
MASKED = "operation [redacted]"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that masks, over a database that one which did not has filled."""
    with running_server(tmp_path) as unmasked:
        fill(unmasked)
    server = Server(tmp_path, REDACT_PATTERNS=PATTERN)
    server.start()
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


def fill(server: Server) -> None:
    """Until there are some thousand spans; the senders find out by the server's end that it is enough."""
    senders = start_senders(server)
    wait_for(lambda: sum(len(sender.acknowledged) for sender in senders) > 6_000, 60)
    server.kill()
    for sender in senders:
        sender.join(60)
    server.start()


def names(server: Server) -> dict[str, int]:
    sql = (
        "SELECT o.name, count(*) FROM collector_span s JOIN collector_operation o ON o.id = s.operation_id"
        " GROUP BY o.name"
    )
    return dict(server.rows(sql))


def test_killed_while_it_masks_under_load_it_loses_nothing_and_goes_on(server: Server) -> None:
    stored = sum(names(server).values())
    assert stored > 6_000
    assert MASKED not in names(server)
    again = start_senders(server)  # what was sent before once more, and then more
    wait_for(lambda: all(len(sender.acknowledged) > 3_000 for sender in again), 60)
    for _ in range(3):
        masking = subprocess.Popen(
            REDACT, env=server.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before = names(server).get(MASKED, 0)
        wait_for(lambda: names(server).get(MASKED, 0) > before or masking.poll() is not None, 60)  # noqa: B023
        masking.kill()
        masking.wait()
    acknowledged = sum(len(sender.acknowledged) for sender in again)
    ended = subprocess.run(REDACT, env=server.environment, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    assert sum(len(sender.acknowledged) for sender in again) > acknowledged
    server.stop()
    for sender in again:
        sender.join(60)
    found = names(server)
    assert found.keys() == {MASKED, "operation 4"}
    spans = {(bytes(trace), bytes(span)) for trace, span in server.rows("SELECT trace_id, span_id FROM collector_span")}
    assert {ids for sender in again for ids in sender.acknowledged} <= spans
    assert found["operation 4"] * 4 == found[MASKED]
    check_whole(server)
    check_counted(server)


def check_counted(server: Server) -> None:
    """Every span is in the windows of its operation once; what came last may be noted only."""
    if server.rows("SELECT 1 FROM collector_rollupnews LIMIT 1"):
        return
    counted = server.rows(
        "SELECT series / 2, sum(count) FROM collector_rollup WHERE subject = 1 AND window_s = 10800 AND series > 1"
        " GROUP BY series / 2"
    )
    stored = server.rows("SELECT operation_id, count(*) FROM collector_span GROUP BY operation_id")
    assert {number: int(count) for number, count in counted} == dict(stored)
