"""What deleting old telemetry costs those who send: `python -m bench.retention [SECONDS]`, part of `make bench`.

Two servers, of which one keeps so little that it deletes as much as it receives, take the same load in turns: what else
the machine does hits both alike.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from bench.__main__ import CLIENTS, CONNECTIONS, PACED_SPANS_PER_S, _load
from bench.bodies import SPANS_A_BODY
from bench.server import Server, running_server
from bench.tables import quantile, table

MAX_BYTES = 150_000_000  # 330,000 spans: reached within seconds
TURNS = 3
FILL_S = 15.0


def main(seconds: float) -> None:
    with (
        running_server(RETENTION_MAX_BYTES="0") as keeping,
        running_server(RETENTION_MAX_BYTES=str(MAX_BYTES)) as deleting,
    ):
        servers = {"keeps all": keeping, "deletes": deleting}
        for server in servers.values():
            _load(server, FILL_S, CONNECTIONS, 0, 0)
        _until_it_deletes(deleting)
        full = _take_turns(servers, seconds, CONNECTIONS, 0)
        paced = _take_turns(servers, seconds, 2, PACED_SPANS_PER_S // CLIENTS)
        ratio = full["deletes"]["spans_per_s"] / full["keeps all"]["spans_per_s"]
        rows = [(f"{name}: spans/s", f"{found['spans_per_s']:,.0f}") for name, found in full.items()]
        rows += [("ratio (at least 0.75)", f"{ratio:.2f}")]
        rows += [(f"{name}: ack p50, p99, worst", _acks(found["ack_ms"])) for name, found in full.items()]
        rows += [
            (f"{name}, {PACED_SPANS_PER_S:,} spans/s: ack p50, p99, worst", _acks(found["ack_ms"]))
            for name, found in paced.items()
        ]
        batches = deleting.status()["retention"]["batches"]
        rows += [
            (f"a batch holds the writer: p50, p99, worst of {batches['count']:,}", _holds(batches)),
        ]
        rows += [(f"{name}: spans received", f"{server.status()['spans']:,}") for name, server in servers.items()]
        rows += [(f"{name}: on disk", f"{server.disk_bytes() / 1e6:,.0f} MB") for name, server in servers.items()]
        table(f"retention: {MAX_BYTES / 1e6:.0f} MB kept, {SPANS_A_BODY}-span bodies, {TURNS} turns", rows)


def _take_turns(servers: dict[str, Server], seconds: float, connections: int, pace: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {name: {"spans": 0, "elapsed_s": 0.0, "ack_ms": []} for name in servers}
    for _ in range(TURNS):
        for name, server in servers.items():
            spans = server.status()["spans"]
            result = _load(server, seconds / TURNS, connections, pace, 0)
            found[name]["spans"] += server.status()["spans"] - spans
            found[name]["elapsed_s"] += max(result["elapsed_s"])
            found[name]["ack_ms"] += result["ack_ms"]
    for figures in found.values():
        figures["spans_per_s"] = figures["spans"] / figures["elapsed_s"]
    return found


def _deleted(server: Server) -> int:
    latest = server.status()["retention"]["last_pruning"]
    return int(latest["deleted"].get("spans", 0)) if latest else 0


def _until_it_deletes(server: Server) -> None:
    for _ in range(300):
        if _deleted(server):
            return
        time.sleep(0.1)
    raise SystemExit("nothing is deleted")


def _holds(batches: dict[str, Any]) -> str:
    return f"{batches['p50_ms']:.0f}, {batches['p99_ms']:.0f}, {batches['max_ms']:.0f} ms"


def _acks(ack_ms: list[float]) -> str:
    return f"{quantile(ack_ms, 0.5):.0f}, {quantile(ack_ms, 0.99):.0f}, {max(ack_ms):.0f} ms"


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
