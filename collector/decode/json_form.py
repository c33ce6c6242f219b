"""OTLP's JSON to the same message in protobuf.

`json_format` is not an OTLP parser: it takes a hex trace id for base64 and silently gives 24 wrong bytes (reference:
OTLP, "JSON Protobuf Encoding": ids are hex in either case). So ids are turned into base64 first; all else (64-bit
numbers as strings or numbers, NaN as a word, null as unset, unknown fields) it reads as OTLP wants. It also takes
snake_case and enum names, which OTLP does not: reading those harms nobody.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector.decode.errors import DecodeError

MESSAGES: dict[str, type[Message]] = {"traces": TracesData, "metrics": MetricsData, "logs": LogsData}
ID_FIELDS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})
# Below these keys lie the sender's own data, where a key named traceId means nothing.
OWN_DATA = frozenset({"attributes", "body", "resource", "scope", "filteredAttributes", "metadata"})
# An id that is not hex: of no valid length, so that the item is refused alone and the rest is kept.
NOT_AN_ID = base64.b64encode(b"?").decode()


def to_protobuf(signal: str, body: bytes) -> bytes:
    """The protobuf bytes of a JSON body. Raises DecodeError with a sentence that names the place."""
    if not body.strip():
        return b""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"the body is not JSON: {error}") from error
    if not isinstance(tree, dict):
        raise DecodeError("the body is not a JSON object")
    return tree_to_protobuf(signal, tree)


def tree_to_protobuf(signal: str, tree: dict[str, Any]) -> bytes:
    """The same for JSON already parsed. Changes `tree`."""
    _ids_to_base64(tree)
    message = MESSAGES[signal]()
    try:
        json_format.ParseDict(tree, message, ignore_unknown_fields=True)
        return message.SerializeToString()
    except (json_format.ParseError, TypeError, ValueError, RecursionError) as error:
        raise DecodeError(f"the body is not OTLP JSON: {str(error)[:300]}") from error


def _ids_to_base64(tree: dict[str, Any]) -> None:
    # A stack instead of recursion: what is nested too deep is for the parser to refuse, not for us to fall over.
    stack: list[Any] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(item for item in node if isinstance(item, (dict, list)))
            continue
        for key, value in node.items():
            if key in ID_FIELDS:
                if isinstance(value, str):
                    node[key] = _base64(value)
            elif isinstance(value, (dict, list)) and key not in OWN_DATA:
                stack.append(value)


def _base64(text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return NOT_AN_ID
