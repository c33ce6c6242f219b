"""The server ends while clients send, with warning and without: what it acknowledged is there, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import pytest

from tests.faults.senders import Sender, SpanIds, start_senders
from tests.server import Server, wait_for

pytestmark = pytest.mark.server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server not yet started; gone afterwards, however the test ends."""
    server = Server(tmp_path)
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


def stored_spans(server: Server) -> list[SpanIds]:
    return [(bytes(trace), bytes(span)) for trace, span in server.rows("SELECT trace_id, span_id FROM collector_span")]


def wait_for_acknowledgements(senders: list[Sender], spans: int) -> None:
    """Until each sender has had so many spans acknowledged."""
    wait_for(
        lambda: all(len(sender.acknowledged) >= spans for sender in senders),
        60,
        lambda: f"acknowledged: {[len(sender.acknowledged) for sender in senders]}",
    )


def measured_spans(server: Server) -> int:
    """How many spans the rollups hold, counted into windows or noted only."""
    found = server.rows(
        "SELECT count, NULL FROM collector_rollup WHERE subject = 1 AND window_s = 10 AND series IN (0, 1)"
        " UNION ALL SELECT 0, payload FROM collector_rollupnews"
    )
    noted = [sheet for _, payload in found if payload is not None for sheet in orjson.loads(bytes(payload))]
    return sum(int(count) for count, _ in found) + sum(len(sheet[2]) for sheet in noted)


def check_stored_once(server: Server, expected: Iterable[SpanIds], possible: Iterable[SpanIds]) -> None:
    """The expected spans are there, nothing twice, nothing that was never sent; summaries and rollups say the same."""
    stored = stored_spans(server)
    assert len(stored) == len(set(stored))
    assert set(expected) <= set(stored) <= set(possible)
    assert measured_spans(server) == len(stored)
    spans = "(SELECT count(*) FROM collector_span s WHERE s.trace_id = t.trace_id)"
    counted = server.rows(f"SELECT span_count, {spans} FROM collector_trace t")
    assert all(summary == spans for summary, spans in counted)
    assert sum(summary for summary, _ in counted) == len(stored)


# The first commit, the caches just filled, the write-ahead log grown: different moments to be torn from.
@pytest.mark.parametrize("acknowledged_spans", [50, 1_000, 10_000])
def test_killed_under_load_it_has_every_acknowledged_span_once(server: Server, acknowledged_spans: int) -> None:
    server.start()
    senders = start_senders(server)
    wait_for_acknowledgements(senders, acknowledged_spans)
    server.kill()
    for sender in senders:
        sender.join(60)
    acknowledged = [ids for sender in senders for ids in sender.acknowledged]
    sent = [ids for sender in senders for ids in sender.sent]

    server.start()
    check_stored_once(server, acknowledged, sent)
    for sender in senders:
        sender.send_again()
    check_stored_once(server, sent, sent)
    server.stop()


def test_stopped_under_load_it_finishes_what_it_has_begun(server: Server) -> None:
    server.start()
    senders = start_senders(server)
    wait_for_acknowledgements(senders, 500)
    server.stop()  # which looks at its exit status and its log
    for sender in senders:
        sender.join(60)
    acknowledged = [ids for sender in senders for ids in sender.acknowledged]
    check_stored_once(server, acknowledged, (ids for sender in senders for ids in sender.sent))


def test_killed_twice_over_it_starts_again(server: Server) -> None:
    acknowledged: list[SpanIds] = []
    sent: list[SpanIds] = []
    for _ in range(2):
        server.start()
        senders = start_senders(server)  # the same spans as before: repeated ones and new ones in one load
        wait_for_acknowledgements(senders, 500)
        server.kill()
        for sender in senders:
            sender.join(60)
            acknowledged += sender.acknowledged
            sent += sender.sent
    server.start()
    check_stored_once(server, acknowledged, sent)
    server.stop()
