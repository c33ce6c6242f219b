"""AnyValue and attribute lists to JSON text, and back to OTLP's JSON.

The rule (docs/decisions/0001): plain values are themselves. What JSON, or PostgreSQL's JSONB, could not give back as it
came is an object with OTLP's own tag: {"bytesValue": base64}, {"intValue": "…"} beyond 2^53, {"doubleValue": …} for
NaN, infinities, minus zero and whole doubles from 1e15 on, {"kvlistValue": …} for a map with repeated keys or one that
looks like a tag. A value with nothing set is null. Of equal keys the last one wins.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any

import orjson
from google.protobuf.message import DecodeError as ProtobufError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.decode.errors import ItemError

MAX_PLAIN_INT = 2**53
TAGS = frozenset({"bytesValue", "intValue", "doubleValue", "kvlistValue"})

# Wire bytes of a KeyValue -> (key, '"key":value'). Emptied when full: most programs repeat a few hundred.
_fragments: dict[bytes, tuple[str, str]] = {}
MAX_FRAGMENTS = 50_000
MAX_FRAGMENT_BYTES = 128  # longer values rarely come again
_names: dict[str, str] = {}  # key -> '"key":'
MAX_NAMES = 5_000


def attributes_json(pairs: Iterable[bytes]) -> str:
    """A list of KeyValue wire bytes to one JSON object. Raises ItemError when one is unreadable."""
    get = _fragments.get
    return "{" + ",".join(dict([get(pair) or _fragment(pair) for pair in pairs]).values()) + "}"


def sorted_attributes_json(pairs: Iterable[bytes]) -> str:
    """As `attributes_json`, but the same text whatever the order: for what is told apart by its attributes."""
    get = _fragments.get
    return "{" + ",".join(sorted(dict([get(pair) or _fragment(pair) for pair in pairs]).values())) + "}"


def _fragment(pair: bytes) -> tuple[str, str]:
    try:
        message = KeyValue.FromString(pair)
    except ProtobufError as error:
        raise ItemError("an attribute is not readable (a string that is not UTF-8, or a broken message)") from error
    key, value = message.key, message.value
    name = _names.get(key) or _name(key)
    # Most of what is not remembered is a text, said for the first time: the short way for it.
    text = value.string_value
    fragment = (key, name + dumps(clean(text) if text else plain(value)))
    if len(pair) <= MAX_FRAGMENT_BYTES:
        if len(_fragments) >= MAX_FRAGMENTS:
            _fragments.clear()
        _fragments[pair] = fragment
    return fragment


def _name(key: str) -> str:
    if len(_names) >= MAX_NAMES:
        _names.clear()
    name = _names[key] = dumps(clean(key)) + ":"
    return name


def value_json(value: bytes) -> str:
    """AnyValue wire bytes to JSON text."""
    try:
        return dumps(plain(AnyValue.FromString(value)))
    except ProtobufError as error:
        raise ItemError("a value is not readable (a string that is not UTF-8, or a broken message)") from error


def pairs_json(pairs: Iterable[KeyValue]) -> str:
    """Attributes of a message already opened."""
    return dumps({clean(pair.key): plain(pair.value) for pair in pairs})


def plain(value: AnyValue) -> Any:
    """An AnyValue as what `dumps` writes, by the rule above."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return clean(value.string_value)
    if kind in ("int_value", "bool_value", "double_value"):
        return tag_number(getattr(value, kind))
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _plain_map([(clean(pair.key), plain(pair.value)) for pair in value.kvlist_value.values])
    if kind == "bytes_value":
        return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
    return None  # nothing set, or an index into a profile's string table, which these signals do not have


def plain_json(value: Any) -> str:
    """Plain Python values, as console text holds them, to JSON text by the same rule."""
    return dumps(_tagged(value))


def _tagged(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (bool, int, float)):
        return tag_number(value)
    if isinstance(value, (list, tuple)):
        return [_tagged(item) for item in value]
    if isinstance(value, dict):
        return _plain_map([(clean(str(key)), _tagged(item)) for key, item in value.items()])
    return None if value is None else clean(str(value))


def _plain_map(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs) and not (len(members) == 1 and next(iter(members)) in TAGS):
        return members
    return {"kvlistValue": {"values": [{"key": key, "value": otlp_value(item)} for key, item in pairs]}}


def tag_number(value: bool | int | float) -> Any:
    """A number as itself where JSON and JSONB give back the same kind and value, else tagged."""
    if isinstance(value, float):
        if math.isfinite(value):
            if (value.is_integer() and abs(value) >= 1e15) or (value == 0 and math.copysign(1, value) < 0):
                return {"doubleValue": repr(value)}
            return value
        return {"doubleValue": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    return value if -MAX_PLAIN_INT <= value <= MAX_PLAIN_INT else {"intValue": str(value)}


def otlp_value(value: Any) -> dict[str, Any]:
    """What `plain` made, back as an AnyValue in OTLP's JSON."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [otlp_value(item) for item in value]}}
    if len(value) == 1 and (tag := next(iter(value))) in TAGS:
        return {tag: _number_or_word(value[tag])} if tag == "doubleValue" else dict(value)
    return {"kvlistValue": {"values": otlp_attributes(value)}}


def _number_or_word(value: Any) -> Any:
    """A tagged double: a number where JSON has one, OTLP's word where it has not."""
    number = float(value)
    return number if math.isfinite(number) else value


def otlp_attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Stored attributes, parsed, as OTLP's list of key and value."""
    return [{"key": key, "value": otlp_value(value)} for key, value in attributes.items()]


def clean(text: str) -> str:
    """Text without NUL, for which PostgreSQL has no room."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def dumps(value: Any) -> str:
    """JSON text of what `plain` made. Raises ItemError for text with unpaired surrogates."""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, orjson.JSONEncodeError) as error:
        raise ItemError("a text is not valid Unicode, or a value is nested too deep") from error
