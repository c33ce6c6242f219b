"""One connection of an HTTP port: HTTP/1.1 with the time limits uvicorn lacks, or gRPC, passed on to its receiver.

opentelemetry-distro speaks gRPC unless told otherwise, so people point gRPC at 4318 and at 8000. HTTP/2 without TLS
begins with a preface no HTTP/1.1 request has: a connection that opens with it is spliced to the gRPC port.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from collector.grpc import receiver

log = logging.getLogger(__name__)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, 3.4
HEADERS_TIMEOUT_S = 15
MAX_HEADER_BYTES = 64 * 1024
BODY_IDLE_TIMEOUT_S = 60
WEBSOCKET_BUFFER_BYTES = 128 * 1024
LAST_WORDS_S = 15  # for a browser to take in that its websocket ends


class Protocol(HttpToolsProtocol):
    """A connection. Times out a client that is slow with its headers, or silent in the middle of a body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._opening: bytes | None = b""  # the first bytes, until it is clear which protocol they are
        self._header_bytes = 0
        self._in_headers = False
        self._last_data_s = self.loop.time()
        self._late: TimerHandle | None = None
        self._splicing: asyncio.Task[None] | None = None
        # A connection opened ahead of its first request, as browsers do, may idle as long as one between two requests.
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._opening is not None:
            data, self._opening = self._opening + data, None
            if data.startswith(PREFACE):
                self._splice(data)
                return
            if PREFACE.startswith(data):
                self._opening = data
                return
        self._last_data_s = self.loop.time()
        super().data_received(data)
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self.send_400_response(f"The headers are longer than {MAX_HEADER_BYTES} bytes.")

    # Parser callbacks
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0
        self._watch(HEADERS_TIMEOUT_S)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._watch(BODY_IDLE_TIMEOUT_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_watching()
        super().on_message_complete()

    def _watch(self, seconds: float) -> None:
        self._stop_watching()
        self._late = self.loop.call_later(seconds, self._check_late)

    def _stop_watching(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _check_late(self) -> None:
        """Ends a connection whose client is late. One whose body we are too busy to read is not."""
        self._late = None
        silent_s = self.loop.time() - self._last_data_s
        if self._in_headers or (silent_s >= BODY_IDLE_TIMEOUT_S and not self.flow.read_paused):
            self.transport.close()
        else:
            self._watch(max(1.0, BODY_IDLE_TIMEOUT_S - silent_s))

    def _splice(self, first: bytes) -> None:
        self._unset_keepalive_if_required()
        self.connections.discard(self)  # it lives until the gRPC receiver ends it, and must not hold up a shutdown
        self.transport.pause_reading()
        self._splicing = self.loop.create_task(splice(self.transport, first))


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A page's websocket. Whoever does not read is cut off; uvicorn would wait until all that is owed has been read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Left to itself the kernel buffers megabytes for each page that does not read.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WEBSOCKET_BUFFER_BYTES)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_off()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.loop.call_later(LAST_WORDS_S, self._cut_off)

    def _cut_off(self) -> None:
        if not self.disconnected:
            self.transport.abort()


async def splice(near: asyncio.Transport, first: bytes) -> None:
    """Connects `near` with the gRPC receiver; `first` has been read from it already."""
    near_end, far_end = _End(), _End()
    far_end.other = near  # the receiver speaks first, maybe before we hear that we are connected
    try:
        host, port = receiver.address
        far, _ = await asyncio.get_running_loop().create_connection(lambda: far_end, host, port)
    except OSError as error:
        log.warning("gRPC on an HTTP port cannot be passed on: %s", error)
        near.close()
        return
    near_end.other = far
    near.set_protocol(near_end)
    far.write(first)
    near.resume_reading()


class _End(asyncio.Protocol):
    """One end of a splice: what arrives here leaves at the other, no faster than it is taken there."""

    other: Any = None

    def data_received(self, data: bytes) -> None:
        self.other.write(data)

    def pause_writing(self) -> None:
        if not self.other.is_closing():
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.is_closing():
            self.other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.close()
