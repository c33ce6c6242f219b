"""The OTLP/gRPC door: grpc.aio services that take and give raw bytes.

Before: a stock gRPC exporter calls Export. After: `door` stores the body.

Without generated stubs nothing is parsed on the event loop, and both doors hand the same bytes to `ingest`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from django.conf import settings

from collector import door
from collector.decode import Signal, encode_retry_info, encode_status
from collector.door import Refusal

SERVICES: dict[str, Signal] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
}
CODES = {code.value[0]: code for code in grpc.StatusCode}
STOP_GRACE_S = 5

Export = Callable[[bytes, Any], Awaitable[bytes]]


class PortBusy(OSError):
    """The address cannot be listened on."""


def _export(signal: Signal) -> Export:
    async def export(body: bytes, context: Any) -> bytes:
        try:
            metadata = [(name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str)]
            door.check_key(
                [value for name, value in metadata if name == "x-otlp-api-key"],
                [value for name, value in metadata if name == "authorization"],
            )
            return await door.accept(signal, body, "protobuf")
        except Refusal as refusal:
            await context.abort(CODES[refusal.code], refusal.sentence, _details(refusal))
            raise AssertionError("abort raises") from refusal

    return export


def _details(refusal: Refusal) -> tuple[tuple[str, bytes], ...]:
    """The Status, and for what may come again its delay: exporters look for it in either place."""
    status = encode_status(refusal.code, refusal.sentence, "protobuf", refusal.retry_after_s)
    details: tuple[tuple[str, bytes], ...] = (("grpc-status-details-bin", status),)
    if refusal.retry_after_s is not None:
        details += (("google.rpc.retryinfo-bin", encode_retry_info(refusal.retry_after_s)),)
    return details


class Receiver:
    """The gRPC server and the port it listens on."""

    def __init__(self) -> None:
        self.host = ""
        self.port = 0
        self._server: Any = None

    @property
    def running(self) -> bool:
        return self._server is not None

    @property
    def address(self) -> tuple[str, int]:
        """Where this process itself reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host), self.port  # noqa: S104

    async def start(self, host: str, port: int) -> None:
        """Listens on `port`, or on a free one for 0. Raises PortBusy."""
        server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 0),  # else a second server binds the same port, silently
                ("grpc.max_receive_message_length", settings.OTLP_MAX_BODY_BYTES),
            ]
        )
        server.add_generic_rpc_handlers(
            tuple(
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.unary_unary_rpc_method_handler(_export(signal))}
                )
                for service, signal in SERVICES.items()
            )
        )
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortBusy(f"cannot listen on {address}") from error
        await server.start()
        self.host, self._server = host, server

    async def stop(self) -> None:
        """Lets calls under way finish, turns away new ones."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(STOP_GRACE_S)


receiver = Receiver()
