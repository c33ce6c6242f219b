"""Where a request goes: telemetry to its door, websockets to their consumer, static files, the rest to Django.

Before: `server` has a connection. The lifespan starts and stops what runs beside the requests: the writer, the gRPC
receiver, the cluster's watcher, and the telling of open pages.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402
from django.db import DatabaseError  # noqa: E402

from collector import http as otlp_http  # noqa: E402
from collector.grpc import receiver  # noqa: E402
from collector.ingest import Unavailable, after_commit, ingest  # noqa: E402
from collector.publish import publisher  # noqa: E402
from collector.retention.running import Retention  # noqa: E402
from collector.rewriting import note_rules  # noqa: E402
from dashboard.consumers import LiveConsumer  # noqa: E402
from dashboard.mcp_process import mcp_process  # noqa: E402
from dashboard.static_files import StaticFiles  # noqa: E402
from dashboard.worker import run_worker  # noqa: E402
from sandboxes.correlate.running import Joining  # noqa: E402
from sandboxes.watch import watcher  # noqa: E402

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STATUS_INTERVAL_S = 1.0
PREFIX: str = settings.FORCE_SCRIPT_NAME or ""

pages = StaticFiles(django_application)
live: Any = LiveConsumer.as_asgi()
joining = Joining()
retention = Retention(ingest.run_beside)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of every port."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    path = scope["path"]
    if PREFIX and path.startswith(PREFIX + "/"):
        path = path[len(PREFIX) :]
        scope = {**scope, "path": path, "root_path": ""}
    telemetry_only = (
        scope["server"][1] == settings.OTLP_HTTP_PORT and settings.OTLP_HTTP_PORT != settings.DASHBOARD_PORT
    )
    if scope["type"] == "websocket":
        if path == "/ws/live/" and not telemetry_only:
            await live(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4404})
    elif telemetry_only or path.startswith("/v1/"):
        await otlp_http.application(scope, receive, send)
    else:
        await pages(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    try:
        status = await _start()
    except OSError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    status.cancel()
    await _stop()
    await send({"type": "lifespan.shutdown.complete"})


async def _start() -> asyncio.Task[None]:
    publisher.start()
    after_commit.append(publisher.committed)
    ingest.start(asyncio.get_running_loop())
    with suppress(Unavailable, DatabaseError):  # busy: then it is noted at the next start
        await ingest.run(note_rules)
    joining.start()
    retention.start()
    if settings.DASHBOARD_CLUSTER != "off":
        watcher.start(settings.DASHBOARD_KUBE_CONTEXT, settings.DASHBOARD_NAMESPACES)
        run_worker.start()
    if settings.MCP_PORT:
        mcp_process.start()
    # Without a port of its own it still serves the gRPC that arrives on the HTTP ports.
    off = not settings.OTLP_GRPC_PORT
    await receiver.start("127.0.0.1" if off else settings.OTLP_HOST, settings.OTLP_GRPC_PORT)
    return asyncio.get_running_loop().create_task(_tell_status())


async def _stop() -> None:
    """From the last to the first, each whatever became of the others. The doors hold what needs the writer, and so does
    what is being joined."""
    async with AsyncExitStack() as parts:
        for part in (ingest, retention, joining, receiver, watcher, run_worker, mcp_process):
            parts.push_async_callback(part.stop)


async def _tell_status() -> None:
    """Tells open pages the rate of spans, while it changes."""
    told: dict[str, Any] = {}
    while True:
        await asyncio.sleep(STATUS_INTERVAL_S)
        now = {"spans_per_s": round(ingest.stats.spans_per_s)}
        if now != told:
            told = now
            publisher.status(now)
