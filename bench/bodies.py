"""Export requests for the benchmark: 512 spans of eight attributes each, every span new.

Building a body costs more than storing it, so one is built per client and only what differs is written over its bytes:
ids, times, and one attribute a span whose value never repeats (a request id), as real ones have.
"""

from __future__ import annotations

import itertools
import os
import random
import struct
import time
from collections.abc import Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SPANS_A_BODY = 512
SPANS_A_TRACE = 16
OPERATIONS = 40


class Bodies:
    """Bodies one after the other, from one client."""

    def __init__(self, client: int) -> None:
        self._template = bytearray(_template(client))
        self._trace_places = _places(self._template, b"T" * 16)
        self._span_places = [_places(self._template, _marker(index)) for index in range(SPANS_A_BODY)]
        self._request_places = _places(self._template, b"R" * 16)
        self._start_places = _places(self._template, struct.pack("<Q", _START))
        self._end_places = _places(self._template, struct.pack("<Q", _END))

    def __iter__(self) -> Iterator[bytes]:
        body = self._template
        for number in itertools.count():
            ids = os.urandom(16 * SPANS_A_BODY)
            for index, place in enumerate(self._trace_places):
                trace = index - index % SPANS_A_TRACE
                body[place : place + 16] = ids[trace * 16 : trace * 16 + 16]
            for index, places in enumerate(self._span_places):
                for place in places:  # its own id, and as the parent of others
                    body[place : place + 8] = ids[index * 16 + 4 : index * 16 + 12]
            for index, place in enumerate(self._request_places):
                body[place : place + 16] = ids[index * 16 + 8 : index * 16 + 16].hex().encode()
            now_ns = time.time_ns()
            for index, (start, end) in enumerate(zip(self._start_places, self._end_places, strict=True)):
                start_ns = now_ns - (SPANS_A_BODY - index) * 1_000
                struct.pack_into("<Q", body, start, start_ns)
                struct.pack_into(
                    "<Q", body, end, start_ns + 1_000_000 + (number * 7_919 + index * 104_729) % 90_000_000
                )
            yield bytes(body)


_START, _END = 0x1122334455667788, 0x1122334455667799


def _marker(index: int) -> bytes:
    return b"S" + struct.pack(">I", index) + b"pan"


def _places(body: bytearray, marker: bytes) -> list[int]:
    found, place = [], body.find(marker)
    while place >= 0:
        found.append(place)
        place = body.find(marker, place + len(marker))
    return found


def _template(client: int) -> bytes:
    choose = random.Random(client)
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    for key, value in {
        "service.name": f"bench-{client}",
        "service.instance.id": f"instance-{client}",
        "host.name": "bench",
        "telemetry.sdk.language": "python",
    }.items():
        resource_spans.resource.attributes.append(pair(key, value))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "bench"
    for index in range(SPANS_A_BODY):
        root = index - index % SPANS_A_TRACE
        operation = choose.randrange(OPERATIONS)
        scope_spans.spans.append(
            Span(
                trace_id=b"T" * 16,
                span_id=_marker(index),
                parent_span_id=b"" if index == root else _marker(choose.randrange(root, index)),
                name=f"operation-{operation}",
                kind=Span.SPAN_KIND_CLIENT if index % 3 else Span.SPAN_KIND_SERVER,
                start_time_unix_nano=_START,
                end_time_unix_nano=_END,
                flags=257,
                attributes=[
                    pair("http.request.method", choose.choice(["GET", "POST"])),
                    pair("http.response.status_code", choose.choice([200, 200, 200, 404, 500])),
                    pair("url.path", f"/namespaces/default/sandboxclaims/{operation}"),
                    pair("server.address", "10.0.0.7"),
                    pair("server.port", 8888),
                    pair("network.protocol.version", "1.1"),
                    pair("thread.id", choose.randrange(1, 9)),
                    pair("request.id", "R" * 16),
                ],
            )
        )
    return request.SerializeToString()


def pair(key: str, value: str | int) -> KeyValue:
    any_value = AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)
    return KeyValue(key=key, value=any_value)
