"""The server process: its sockets, and uvicorn on them.

Before: `manage.py up`. After: `asgi` gets every request, from whichever port.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from django.conf import settings

from dashboard.listener import Listener, PortBusy, end_cleanly
from dashboard.protocol import Protocol, WebSocketProtocol

# Longer than exporters wait between two batches (5 s): a connection closed just as one leaves would lose it.
KEEP_ALIVE_S = 75
SHUTDOWN_TIMEOUT_S = 10
MAX_WEBSOCKET_MESSAGE_BYTES = 64 * 1024


def open_sockets() -> list[socket.socket]:
    """The sockets of the pages and of OTLP/HTTP; that those of gRPC and MCP are free is tried. Raises PortBusy."""
    listeners = [Listener(settings.DASHBOARD_HOST, settings.DASHBOARD_PORT, "DASHBOARD_PORT")]
    if settings.OTLP_HTTP_PORT and settings.OTLP_HTTP_PORT != settings.DASHBOARD_PORT:
        listeners.append(Listener(settings.OTLP_HOST, settings.OTLP_HTTP_PORT, "OTLP_HTTP_PORT"))
    sockets: list[socket.socket] = []
    try:
        for listener in listeners:
            sockets.append(listener.open())
        if settings.OTLP_GRPC_PORT:
            Listener(settings.OTLP_HOST, settings.OTLP_GRPC_PORT, "OTLP_GRPC_PORT").open().close()
        if settings.MCP_PORT:
            Listener(settings.MCP_HOST, settings.MCP_PORT, "MCP_PORT").open().close()
    except PortBusy:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def serve(sockets: list[socket.socket], ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM, then lets requests finish and stores what was admitted."""
    config = uvicorn.Config(
        "dashboard.asgi:application",
        http=Protocol,
        ws=WebSocketProtocol,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )
    end_cleanly()
    _Server(config, ready).run(sockets)


class _Server(uvicorn.Server):
    """uvicorn, telling when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
