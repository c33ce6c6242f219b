"""What all three signals share: resources, scopes, ids and times."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError as ProtobufError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from collector.decode.attributes import clean, dumps, pairs_json, sorted_attributes_json
from collector.decode.errors import DecodeError, ItemError
from collector.records import MAX_TIME_NS, ResourceRecord, ScopeRecord

Item = TypeVar("Item")

NO_TRACE = bytes(16)
NO_SPAN = bytes(8)

_resources: dict[tuple[bytes, str], ResourceRecord] = {}
_scopes: dict[tuple[bytes, str], ScopeRecord] = {}
MAX_REMEMBERED = 5_000


def open_message(shape: Any, body: bytes) -> Any:
    """The parsed message. Raises DecodeError with a sentence."""
    try:
        return shape.FromString(body)
    except ProtobufError as error:
        raise DecodeError(
            "the body is not a readable OTLP protobuf message (cut short, nested too deep, or text that is not UTF-8)"
        ) from error


def read_resource(wire: bytes, schema_url: str) -> ResourceRecord:
    """A Resource from its wire bytes; the same bytes are read once."""
    record = _resources.get((wire, schema_url))
    if record is None:
        try:
            message = Resource.FromString(wire)
        except ProtobufError as error:
            raise DecodeError("a resource is not readable (text that is not UTF-8, or a broken message)") from error
        named = [p.value.string_value for p in message.attributes if p.key == "service.name"]
        service = named[-1] if named else ""
        refs = [json_format.MessageToDict(ref) for ref in message.entity_refs]
        record = ResourceRecord(
            service=clean(service) or "unknown_service",
            attributes=sorted_attributes_json(pair.SerializeToString() for pair in message.attributes),
            schema_url=clean(schema_url),
            dropped_attributes_count=message.dropped_attributes_count,
            entity_refs=dumps(refs) if refs else None,
        )
        if len(_resources) >= MAX_REMEMBERED:
            _resources.clear()
        _resources[wire, schema_url] = record
    return record


def read_scope(wire: bytes, schema_url: str) -> ScopeRecord:
    """An InstrumentationScope from its wire bytes; the same bytes are read once."""
    record = _scopes.get((wire, schema_url))
    if record is None:
        try:
            message = InstrumentationScope.FromString(wire)
        except ProtobufError as error:
            raise DecodeError("a scope is not readable (text that is not UTF-8, or a broken message)") from error
        record = ScopeRecord(
            name=clean(message.name),
            version=clean(message.version),
            attributes=pairs_json(message.attributes),
            schema_url=clean(schema_url),
            dropped_attributes_count=message.dropped_attributes_count,
        )
        if len(_scopes) >= MAX_REMEMBERED:
            _scopes.clear()
        _scopes[wire, schema_url] = record
    return record


def position(items: list[Item], seen: dict[Item, int], item: Item) -> int:
    """Where `item` is in `items`, which it joins when it is new."""
    index = seen.get(item)
    if index is None:
        index = seen[item] = len(items)
        items.append(item)
    return index


def optional_ids(trace_id: bytes, span_id: bytes) -> tuple[bytes | None, bytes | None]:
    """The ids of a log or exemplar, which may have none. Raises ItemError for ids of a wrong length."""
    if len(trace_id) not in (0, 16) or len(span_id) not in (0, 8):
        raise ItemError("its trace id is not 16 bytes, or its span id not 8")
    return (
        None if trace_id in (b"", NO_TRACE) else trace_id,
        None if span_id in (b"", NO_SPAN) else span_id,
    )


def checked_time(time_ns: int) -> int:
    """A time the database can hold. Raises ItemError beyond 2^63-1 ns (the year 2262)."""
    if time_ns > MAX_TIME_NS:
        raise ItemError("its time lies beyond the year 2262")
    return time_ns
