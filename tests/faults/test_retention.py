"""Old telemetry is deleted while more arrives, and whoever deletes is killed: no trace is half there."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.faults.senders import SPANS_A_BODY, start_senders
from tests.server import ROOT, Server, wait_for

pytestmark = pytest.mark.server
PRUNE = [sys.executable, str(ROOT / "manage.py"), "prune", "--older-than", "0s"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that runs; gone afterwards, however the test ends."""
    server = Server(tmp_path)
    server.start()
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


def deleted_spans(server: Server) -> int:
    """What batches have deleted so far, as they wrote it down."""
    rows = server.rows("SELECT CAST(deleted AS text) FROM collector_pruning")
    return sum(int(orjson.loads(text).get("spans", 0)) for (text,) in rows)


def check_whole(server: Server) -> None:
    """Summaries say what is there, and no request's spans, which came together, are there in part."""
    counted: Counter[bytes] = Counter()
    bodies: Counter[tuple[bytes, int]] = Counter()
    begun = {bytes(row[0]) for row in server.rows("SELECT trace_id FROM collector_partlypruned")}
    for trace_id, span_id in server.rows("SELECT trace_id, span_id FROM collector_span"):
        if bytes(trace_id) not in begun:
            counted[bytes(trace_id)] += 1
            number = int.from_bytes(bytes(span_id)[2:], "big") - 1
            bodies[bytes(trace_id), number // SPANS_A_BODY] += 1
    summaries = {bytes(row[0]): row[1] for row in server.rows("SELECT trace_id, span_count FROM collector_trace")}
    assert {trace_id: spans for trace_id, spans in summaries.items() if trace_id not in begun} == dict(counted)
    assert set(bodies.values()) <= {SPANS_A_BODY}


def test_killed_while_it_deletes_under_load_it_leaves_every_trace_whole(server: Server) -> None:
    senders = start_senders(server)
    for _ in range(3):
        before = deleted_spans(server)
        acknowledged = sum(len(sender.acknowledged) for sender in senders)
        wait_for(lambda: sum(len(s.acknowledged) for s in senders) > acknowledged + 3_000, 60)  # noqa: B023
        pruning = subprocess.Popen(
            PRUNE, env=server.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: deleted_spans(server) > before, 60)  # noqa: B023
        pruning.kill()
        pruning.wait()
    server.kill()
    for sender in senders:
        sender.join(60)
    check_whole(server)
    assert deleted_spans(server) > 0

    server.start()
    ended = subprocess.run(PRUNE, env=server.environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert server.rows("SELECT 1 FROM collector_span") == []
    assert server.rows("SELECT 1 FROM collector_trace") == []
    assert server.rows("SELECT 1 FROM collector_partlypruned") == []
    for sender in senders:
        sender.send_again()
    check_whole(server)
    assert len(server.rows("SELECT 1 FROM collector_span")) == sum(len(sender.sent) for sender in senders)
    server.stop()


def test_a_server_keeps_to_its_limit_by_itself(tmp_path: Path) -> None:
    limit_bytes = 4_000_000
    server = Server(tmp_path, RETENTION_MAX_BYTES=str(limit_bytes))
    if server.database_url:
        pytest.skip("PostgreSQL's sizes are estimates; SQLite's are exact")
    server.start()
    senders = start_senders(server)
    pages = "(SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)"
    sql = f"SELECT ({pages}) * page_size FROM pragma_page_size"
    wait_for(lambda: server.rows(sql)[0][0] > 1.5 * limit_bytes, 60)
    wait_for(lambda: deleted_spans(server) > 0, 60)
    server.kill()
    for sender in senders:
        sender.join(60)
    check_whole(server)
    server.start()
    wait_for(lambda: server.rows(sql)[0][0] <= limit_bytes, 60)
    server.stop()
    check_whole(server)
    assert ("bytes",) in server.rows("SELECT reason FROM collector_pruning")
    assert server.rows("SELECT 1 FROM collector_span LIMIT 1") != []
