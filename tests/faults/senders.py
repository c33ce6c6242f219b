"""Clients that send without a pause and remember every span the server has acknowledged.

Two speak OTLP/HTTP on a connection kept alive, one of them with gzip; one speaks gRPC, on the HTTP port.
"""

from __future__ import annotations

import gzip
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.server import Server

SPANS_A_BODY = 50
BODIES_A_TRACE = 7  # a trace comes in pieces: its summary has to be added up right
T0_NS = 1_795_473_187_967_755_510
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

SpanIds = tuple[bytes, bytes]
Send = Callable[[bytes], bool]  # whether it was acknowledged; raises when there is no answer


def make_body(sender: int, number: int) -> tuple[bytes, list[SpanIds]]:
    """A request whose spans nobody else sends, and their ids."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    trace_id = (sender << 64 | number // BODIES_A_TRACE + 1).to_bytes(16, "big")
    for position in range(SPANS_A_BODY):
        span_id = (sender << 48 | number * SPANS_A_BODY + position + 1).to_bytes(8, "big")
        spans.append(
            Span(
                trace_id=trace_id,
                span_id=span_id,
                name=f"operation {position % 5}",
                start_time_unix_nano=T0_NS + number,
                end_time_unix_nano=T0_NS + number + 1_000,
            )
        )
    return request.SerializeToString(), [(trace_id, span.span_id) for span in spans]


@dataclass
class Sender(threading.Thread):
    """Sends bodies of its own until there is no answer any more."""

    number: int
    opened: Callable[[], Iterator[Send]]
    bodies: list[bytes] = field(default_factory=list)
    acknowledged: list[SpanIds] = field(default_factory=list)
    sent: list[SpanIds] = field(default_factory=list)
    refusals: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        with contextmanager(self.opened)() as send:
            while True:
                body, ids = make_body(self.number, len(self.bodies))
                self.bodies.append(body)
                self.sent += ids
                try:
                    acknowledged = send(body)
                except (OSError, http.client.HTTPException, grpc.RpcError):
                    return
                if acknowledged:
                    self.acknowledged += ids
                else:
                    self.refusals += 1

    def send_again(self) -> None:
        """Everything once more, as a client would that never heard an answer."""
        with contextmanager(self.opened)() as send:
            assert all(send(body) for body in self.bodies)

    __hash__ = threading.Thread.__hash__


def start_senders(server: Server) -> list[Sender]:
    """Three that have begun."""

    def plain() -> Iterator[Send]:
        return _over_http(server.otlp_port, packed=False)

    def packed() -> Iterator[Send]:
        return _over_http(server.pages_port, packed=True)

    def over_grpc() -> Iterator[Send]:
        return _over_grpc(server.otlp_port)

    senders = [Sender(number, opened) for number, opened in enumerate((plain, packed, over_grpc), start=1)]
    for sender in senders:
        sender.start()
    return senders


def _over_http(port: int, *, packed: bool) -> Iterator[Send]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/x-protobuf"} | ({"Content-Encoding": "gzip"} if packed else {})

    def send(body: bytes) -> bool:
        connection.request("POST", "/v1/traces", gzip.compress(body, 1) if packed else body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 503)
        return answer.status == 200

    yield send
    connection.close()


def _over_grpc(port: int) -> Iterator[Send]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(EXPORT, request_serializer=None, response_deserializer=None)

        def send(body: bytes) -> bool:
            answer: bytes = call(body, timeout=30)
            return answer == b""

        yield send
