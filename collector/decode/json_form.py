"""OTLP's JSON to the same message in protobuf.

`json_format` is not an OTLP parser: it takes a hex trace id for base64 and silently gives 24 wrong bytes (reference:
OTLP, "JSON Protobuf Encoding": ids are hex in either case). So ids are turned into base64 first; all else (64-bit
numbers as strings or numbers, NaN as a word, null as unset, unknown fields) it reads as OTLP wants. It also takes
snake_case and enum names, which OTLP does not: reading those harms nobody.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Any, cast

import orjson
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector.decode.errors import DecodeError

MESSAGES: dict[str, type[Message]] = {"traces": TracesData, "metrics": MetricsData, "logs": LogsData}
ID_FIELDS = frozenset({"trace_id", "span_id", "parent_span_id"})
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
    message = MESSAGES[signal]()
    _prepare(tree, cast(Descriptor, message.DESCRIPTOR))
    try:
        json_format.ParseDict(tree, message, ignore_unknown_fields=True)
        return message.SerializeToString()
    except (json_format.ParseError, TypeError, ValueError, RecursionError) as error:
        raise DecodeError(f"the body is not OTLP JSON: {str(error)[:300]}") from error


def _prepare(tree: dict[str, Any], kind: Descriptor) -> None:
    """Ids to base64. Raises DecodeError where an object is due and something else is given: of a text `json_format`
    takes the letters for unknown fields, and keeps silent."""
    # A stack instead of recursion: what is nested too deep is for the parser to refuse, not for us to fall over.
    stack = [(tree, kind)]
    while stack:
        node, kind = stack.pop()
        fields = _fields(kind)
        for key, value in node.items():
            is_id, inner = fields.get(key, (False, None))
            if is_id and isinstance(value, str):
                node[key] = _base64(value)
            elif inner is not None:
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, dict):
                        stack.append((item, inner))
                    elif item is not None:
                        raise DecodeError(f"the body is not OTLP JSON: {key} holds {item!r:.40} where an object is due")


@cache
def _fields(kind: Descriptor) -> dict[str, tuple[bool, Descriptor | None]]:
    """By name in JSON, and in .proto files: whether it is an id, and the message it holds."""
    return {
        name: (field.name in ID_FIELDS, field.message_type)
        for field in kind.fields
        for name in (field.json_name, field.name)
    }


def _base64(text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return NOT_AN_ID
