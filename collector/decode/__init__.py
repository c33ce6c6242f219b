"""OTLP bytes to records, and answers to bytes. Plain Python, the only door to opentelemetry.proto.

Before: a door (`http`, `grpc`, `files`) hands over a whole body. After: `ingest` stores the batch.

JSON is protobuf by another spelling: `json_form` turns it into the message's bytes, and one reader does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from collector.decode.answers import encode_retry_info, encode_status, encode_success
from collector.decode.errors import DecodeError
from collector.decode.json_form import to_protobuf
from collector.decode.logs import decode_logs
from collector.decode.metrics import decode_metrics
from collector.decode.spans import decode_spans
from collector.records import Batch

Signal = Literal["traces", "metrics", "logs"]
Encoding = Literal["protobuf", "json"]

READERS: dict[Signal, Callable[[bytes], Batch]] = {
    "traces": decode_spans,
    "metrics": decode_metrics,
    "logs": decode_logs,
}


def decode(signal: Signal, body: bytes, encoding: Encoding) -> Batch:
    """One export request to records. An empty body is an empty request.

    Raises DecodeError with a sentence when the body as a whole cannot be read; single bad items are counted in
    `Batch.rejected` instead.
    """
    if encoding == "json":
        body = to_protobuf(signal, body)
    return READERS[signal](body)


__all__ = [
    "DecodeError",
    "Encoding",
    "Signal",
    "decode",
    "encode_retry_info",
    "encode_status",
    "encode_success",
]
