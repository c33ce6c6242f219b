"""kill -9 of the dashboard in the middle of a burst: what was on its way arrives, and is joined, after the restart."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from tests.cluster.plane import Plane
from tests.cluster.sdk import BURST, finish, start_program
from tests.server import Server, wait_for

pytestmark = pytest.mark.server

WAIT_S = 120
CLAIMS = 24
POOL = "drained-pool"
# Small batches, soon: spans are on their way at any moment. An export is tried again for as long as a restart may take.
SENDING = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_EXPORTER_OTLP_TIMEOUT": "90", "OTEL_SERVICE_NAME": "burst"}

Links = dict[str, set[tuple[str, str]]]


@pytest.fixture
def fragile(plane: Plane, tmp_path: Path) -> Iterator[Server]:
    """A dashboard that may be killed."""
    server = Server(tmp_path, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(plane.kubeconfig))
    server.start()
    yield server
    server.stop()


def test_every_claim_and_link_is_there_after_a_kill_in_mid_burst(plane: Plane, fragile: Server) -> None:
    plane.wait_pool(POOL)
    endpoint = f"http://127.0.0.1:{fragile.grpc_port}"
    command: list[str | Path] = [BURST, POOL, str(CLAIMS)]
    program = start_program(plane, endpoint, command, **SENDING, ROUTER_URL=plane.router_url)
    wait_for(lambda: linked(fragile), WAIT_S)
    fragile.kill()
    assert program.poll() is None, "the burst was over before the kill"
    fragile.start()
    traces = {line["claim"]: set(line["traces"]) for line in map(orjson.loads, finish(program).splitlines())}
    assert len(traces) == CLAIMS
    uids = {name: plane.api.get("SandboxClaim", name)["metadata"]["uid"] for name in traces}
    wait_for(
        lambda: all(found <= traces_of(linked(fragile), uids[name]) for name, found in traces.items()),
        WAIT_S,
        lambda: {name: found - traces_of(linked(fragile), uids[name]) for name, found in traces.items()},
    )
    owners = {trace_id: uids[name] for name, found in traces.items() for trace_id in found}
    for uid, links in linked(fragile).items():
        assert {owners.get(trace_id, uid) for trace_id, _ in links} == {uid}

    # A reader that begins anew comes to the same: the cursor had skipped nothing, and nothing was done twice.
    wait_for(lambda: settled(fragile), WAIT_S)
    before = linked(fragile)
    fragile.stop()
    forget_links(fragile)
    fragile.start()
    wait_for(lambda: linked(fragile) == before, WAIT_S)


def linked(server: Server) -> Links:
    """The spans of each claim, as (trace, span)."""
    found: Links = defaultdict(set)
    sure = "SELECT claim_uid, trace_id, span_id FROM sandboxes_link WHERE certainty <> 'ambiguous'"
    for uid, trace_id, span_id in server.rows(sure):
        found[uid].add((bytes(trace_id).hex(), bytes(span_id).hex()))
    return dict(found)


def traces_of(links: Links, uid: str) -> set[str]:
    return {trace_id for trace_id, _ in links.get(uid, ())}


def settled(server: Server) -> bool:
    """Whether everything that was received has been looked at."""
    [(newest,)] = server.rows("SELECT max(id) FROM sandboxes_hint WHERE kind <> 'annotation'")
    [(position,)] = server.rows("SELECT position FROM sandboxes_cursor WHERE name = 'correlate hints'")
    return bool(position >= newest)


def forget_links(server: Server) -> None:
    """As if no reader had ever looked at anything."""
    connect: Any = partial(psycopg.connect, server.database_url) if server.database_url else sqlite(server)
    with closing(connect()) as database, database:
        database.execute("DELETE FROM sandboxes_link")
        database.execute("UPDATE sandboxes_cursor SET position = 0 WHERE name LIKE 'correlate%'")


def sqlite(server: Server) -> Any:
    return partial(sqlite3.connect, server.data_dir / "dashboard.sqlite3")
