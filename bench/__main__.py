"""`make bench`: durable ingest, the time to an acknowledgement, memory, disk, and the lists over what was stored.

BENCH_SECONDS (20) is how long the load runs; BENCH_SPANS (1,000,000) how many spans, and log records, the lists are
asked over, and half of a metric's points;
BENCH_CLAIMS (10,000) how many claims are watched; BENCH_ROLLUP_SPANS (10,000,000) how many spans percentiles are of.
The figures of one machine say little of another: each is to be read beside the baseline of the same run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from bench.bodies import SPANS_A_BODY
from bench.server import ROOT, Server, running_server
from bench.tables import looks, quantile, table

SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
SPANS = int(os.environ.get("BENCH_SPANS", "1000000"))
CLIENTS = 2
CONNECTIONS = 4
PACED_SPANS_PER_S = 5_000
CLAIMS = int(os.environ.get("BENCH_CLAIMS", "10000"))
ROLLUP_SPANS = int(os.environ.get("BENCH_ROLLUP_SPANS", "10000000"))
LOOKS = 15


def main() -> None:
    baseline = int(_run("bench.baseline", str(min(SECONDS, 10))))
    with running_server() as server:
        idle_mb = server.rss_mb()
        table("start", [("ready after", f"{server.ready_s:.2f} s"), ("RSS when idle", f"{idle_mb:.0f} MB")])
        _load(server, 2, CONNECTIONS, 0, 0)  # caches, prepared statements
        _ingest(server, baseline)
        _acknowledgement(server)
        _fill(server)
        _pages(server)
    for module, arguments in (
        ("bench.live", [str(min(SECONDS, 15))]),
        ("bench.export", [str(SPANS), str(min(SECONDS, 10))]),
        ("bench.hints", []),
        ("bench.redact", []),
        ("bench.rollups", [str(min(SECONDS, 10)), str(ROLLUP_SPANS)]),
        ("bench.names", [str(SPANS)]),
        ("bench.overview", []),
        ("bench.trace", []),
        ("bench.compare", []),
        ("bench.lists", [str(SPANS), str(SPANS)]),
        ("bench.metrics", [str(2 * SPANS)]),
        ("bench.watching", [str(CLAIMS), str(min(SECONDS, 20))]),
    ):
        print(_run(module, *arguments), end="", flush=True)


def _ingest(server: Server, baseline: int) -> None:
    before, cpu_before, began = server.status(), server.cpu_s(), time.perf_counter()
    result = _load(server, SECONDS, CONNECTIONS, 0, 0)
    elapsed, after, cpu_s = time.perf_counter() - began, server.status(), server.cpu_s() - cpu_before
    spans = after["spans"] - before["spans"]
    spans_per_s = spans / max(result["elapsed_s"])
    decode_s = (int(after["cpu_ns"]["decode"]) - int(before["cpu_ns"]["decode"])) / 1e9
    write_s = (int(after["cpu_ns"]["write"]) - int(before["cpu_ns"]["write"])) / 1e9
    table(
        f"ingest: {CLIENTS} client processes, {SPANS_A_BODY}-span bodies, 8 attributes, {elapsed:.0f} s",
        [
            ("committed spans", f"{spans:,}"),
            ("spans/s", f"{spans_per_s:,.0f}"),
            ("baseline: bare executemany", f"{baseline:,} rows/s"),
            ("ratio to the baseline", f"{spans_per_s / baseline:.2f}"),
            ("spans per server CPU second", f"{spans / cpu_s:,.0f}"),
            ("ack p50, p99", f"{quantile(result['ack_ms'], 0.5):.0f}, {quantile(result['ack_ms'], 0.99):.0f} ms"),
            ("refused and sent again", f"{sum(result['refused']):,}"),
            ("spans a transaction", f"{spans / max(1, after['transactions'] - before['transactions']):,.0f}"),
            ("CPU share of decode, store, HTTP and the rest", _shares(decode_s, write_s, cpu_s)),
            ("RSS", f"{server.rss_mb():.0f} MB"),
        ],
    )


def _shares(decode_s: float, write_s: float, cpu_s: float) -> str:
    rest_s = cpu_s - decode_s - write_s
    return ", ".join(f"{part / cpu_s:.0%}" for part in (decode_s, write_s, rest_s))


def _acknowledgement(server: Server) -> None:
    result = _load(server, min(SECONDS, 10), 2, PACED_SPANS_PER_S // CLIENTS, 0)
    ack_ms = result["ack_ms"]
    table(
        f"acknowledgement at {PACED_SPANS_PER_S:,} spans/s",
        [
            ("p50, p99", f"{quantile(ack_ms, 0.5):.1f}, {quantile(ack_ms, 0.99):.1f} ms"),
            ("requests", str(len(ack_ms))),
        ],
    )


def _fill(server: Server) -> None:
    missing = SPANS - server.status()["spans"]
    if missing > 0:
        _load(server, 3_600, CONNECTIONS, 0, missing // SPANS_A_BODY // CLIENTS + 1)
    spans = server.status()["spans"]
    server.get("/api/v1/status")
    table(
        f"stored: {spans:,} spans",
        [("bytes a span", f"{server.disk_bytes() / spans:.0f}"), ("RSS", f"{server.rss_mb():.0f} MB")],
    )


def _pages(server: Server) -> None:
    paths = {
        "trace list, 15 min": "/traces/",
        "trace list, all": "/traces/?range=all",
        "trace list, one service": "/traces/?range=all&service=bench-1",
        "trace list, one operation": "/traces/?range=all&operation=operation-7",
        "trace list, errors": "/traces/?range=all&status=error",
        "trace list, minimum duration": "/traces/?range=all&min_duration=80ms",
        "trace list, text": "/traces/?range=all&q=operation-39",
        "traces, API": "/api/v1/traces?limit=50",
        "a health check (what any request costs)": "/healthz",
    }
    rows = looks(server.get, paths, LOOKS)
    table(f"pages over {server.status()['spans']:,} spans: median and worst of {LOOKS}", rows)


def _load(server: Server, seconds: float, connections: int, spans_per_s: int, max_bodies: int) -> dict[str, list[Any]]:
    """Runs the clients; their results, joined."""
    arguments = [str(connections), str(seconds), str(spans_per_s), str(max_bodies)]
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.load", str(server.otlp_port), str(client), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for client in range(CLIENTS)
    ]
    joined: dict[str, list[Any]] = {"ack_ms": [], "refused": [], "elapsed_s": []}
    for client in clients:
        output, _ = client.communicate()
        if client.returncode:
            raise SystemExit("a client failed")
        result = json.loads(output)
        joined["ack_ms"] += result["ack_ms"]
        joined["refused"].append(result["refused"])
        joined["elapsed_s"].append(result["elapsed_s"])
    return joined


def _run(module: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    main()
