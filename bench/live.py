"""`python -m bench.live [SECONDS]`: from a POST to the websocket message of ten pages; fifty pages with charts at once.

Beside a load of 5,000 spans/s. Of a page about one trace: each measured POST is a trace of its own that the pages have
asked for by its id. Of a list that always has news, so that each message waits for its turn, at most four a second: log
records, 25 a second at random, which the messages count, so that it is known which brought which. (Of the load's own
topic nobody could tell.) The fifty fetch the overview's chart whenever they are told.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import subprocess
import sys
import time
from contextlib import AsyncExitStack, suppress
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.asyncio.client import ClientConnection, connect

from bench.server import ROOT, Server, running_server
from bench.tables import quantile, table

SPANS_A_SECOND = 5_000
SUBSCRIBERS = 10
PAGES = 50
CHART = "/charts/latency-heatmap.json?range=15m&heatmap=operations"
TIMEOUT_S = 60
LOGS_A_SECOND = 25


async def main(seconds: float) -> None:
    with running_server() as server:
        quiet_s = await _cpu_share(server, seconds)
        reached_ms = await _latencies(server, seconds)
        listed_ms = await _listed(server, seconds)
        busy_s, answers_ms = await _fifty(server, seconds)
    table(
        f"live: {SUBSCRIBERS} pages, {SPANS_A_SECOND:,} spans/s",
        [
            ("POST to message, a page of one trace p50, p99", _milliseconds(reached_ms)),
            ("POST to message, a list with news p50, p99", _milliseconds(listed_ms)),
            ("measured, of one trace and of the list", f"{len(reached_ms):,}, {len(listed_ms):,}"),
            (f"a chart for each of {PAGES} pages p50, p99", _milliseconds(answers_ms)),
            ("charts answered a second", f"{len(answers_ms) / seconds:,.0f}"),
            (f"CPU of the server: no page, {PAGES} pages", f"{quiet_s:.0%}, {busy_s:.0%}"),
        ],
    )


async def _cpu_share(server: Server, seconds: float) -> float:
    """Of one CPU, while the load runs."""
    load = _load(server, seconds)
    await asyncio.sleep(1)
    before = server.cpu_s()
    await asyncio.to_thread(load.wait)
    return (server.cpu_s() - before) / max(1.0, seconds - 1)


async def _latencies(server: Server, seconds: float) -> list[float]:
    """Of every page, for one trace after the other while the load runs."""
    load, found = _load(server, seconds), []
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(_page(server)) for _ in range(SUBSCRIBERS)]
        number = 0
        while load.poll() is None:
            number += 1
            trace_id = os.urandom(16)
            subscription = {"op": "subscribe", "id": number, "topic": "trace", "params": {"trace_id": trace_id.hex()}}
            await asyncio.gather(*(_ask(page, subscription) for page in pages))
            sent = time.perf_counter()
            posted = asyncio.create_task(asyncio.to_thread(post_span, server, trace_id))
            found += await asyncio.gather(*(_reached(page, number, sent) for page in pages))
            await posted
            for page in pages:
                await page.send(json.dumps({"op": "unsubscribe", "id": number}))
            await asyncio.sleep(0.05 + (number % 7) * 0.03)  # at any moment of a tick
    return found


async def _listed(server: Server, seconds: float) -> list[float]:
    """Of every page, for log records one after the other while the load runs."""
    load, sent = _load(server, seconds), list[float]()
    choose = random.Random(2)
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(_page(server)) for _ in range(SUBSCRIBERS)]
        for page in pages:
            await _ask(page, {"op": "subscribe", "id": 1, "topic": "logs"})
        counting = [asyncio.create_task(_count(page, sent)) for page in pages]
        while load.poll() is None:
            await asyncio.sleep(choose.expovariate(LOGS_A_SECOND))
            sent.append(time.perf_counter())
            await asyncio.to_thread(_post_log, server)  # one after the other: they are counted in their order
        await asyncio.sleep(1)
        for task in counting:
            task.cancel()
        found = await asyncio.gather(*counting)
    assert all(len(each) == len(sent) for each in found), "a log record was not told"
    return [wait_ms for each in found for wait_ms in each]


async def _count(page: ClientConnection, sent: list[float]) -> list[float]:
    """Until it is cancelled: when each of `sent` was counted by a message."""
    waits_ms: list[float] = []
    with suppress(asyncio.CancelledError):
        while True:
            count = json.loads(await page.recv())["data"]["count"]
            now = time.perf_counter()
            waits_ms += [(now - at) * 1e3 for at in sent[len(waits_ms) : len(waits_ms) + count]]
    return waits_ms


async def _ask(page: ClientConnection, subscription: dict[str, Any]) -> None:
    await page.send(json.dumps(subscription))
    await _message(page, subscription["id"])


async def _reached(page: ClientConnection, number: int, sent: float) -> float:
    await _message(page, number)
    return (time.perf_counter() - sent) * 1e3


async def _message(page: ClientConnection, number: int) -> dict[str, Any]:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            message: dict[str, Any] = json.loads(await page.recv())
            if message["id"] == number:
                return message


async def _fifty(server: Server, seconds: float) -> tuple[float, list[float]]:
    """The server's CPU and the time of each answer, while fifty pages fetch a chart at each message."""
    answers_ms: list[float] = []
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(_page(server)) for _ in range(PAGES)]
        following = [asyncio.create_task(_follow(server, page, answers_ms)) for page in pages]
        share = await _cpu_share(server, seconds)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    return share, answers_ms


async def _follow(server: Server, page: ClientConnection, answers_ms: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.pages_port)
    request = f"GET {CHART} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    await page.send(json.dumps({"op": "subscribe", "id": 1, "topic": "overview"}))
    while True:
        await page.recv()
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
        answers_ms.append((time.perf_counter() - began) * 1e3)


def _page(server: Server) -> connect:
    origin: Any = f"http://127.0.0.1:{server.pages_port}"
    return connect(f"ws://127.0.0.1:{server.pages_port}/ws/live/", origin=origin, open_timeout=TIMEOUT_S)


def _load(server: Server, seconds: float) -> subprocess.Popen[bytes]:
    arguments = [str(server.otlp_port), "0", "2", str(seconds), str(SPANS_A_SECOND), "0"]
    return subprocess.Popen([sys.executable, "-m", "bench.load", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)


def post_span(server: Server, trace_id: bytes) -> None:
    """A trace of one span that has just ended."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add().scope_spans.add().spans.add(trace_id=trace_id, span_id=trace_id[:8], name="seen")
    )
    span.start_time_unix_nano, span.end_time_unix_nano = time.time_ns() - 1_000_000, time.time_ns()
    _send(server, "/v1/traces", request.SerializeToString())


def _post_log(server: Server) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns())
    record.body.string_value = os.urandom(8).hex()
    _send(server, "/v1/logs", request.SerializeToString())


def _send(server: Server, path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.otlp_port, timeout=TIMEOUT_S)
    connection.request("POST", path, body, {"Content-Type": "application/x-protobuf"})
    connection.getresponse().read()
    connection.close()


def _milliseconds(values: list[float]) -> str:
    return f"{quantile(values, 0.5):.0f}, {quantile(values, 0.99):.0f} ms" if values else "-"


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 15))
