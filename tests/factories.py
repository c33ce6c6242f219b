"""Telemetry for tests: plain functions that make a Batch, with defaults for whatever a test is not about.

    save_now(batch(make_span("GET /", service="shop", status="error"), make_log("hello"), make_point(3)))

`batch` turns the loose items into records that point at each other by position, as a decoder would.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from collector.decode.attributes import plain_json
from collector.records import (
    Batch,
    ExemplarRecord,
    LogRecord,
    MetricKind,
    OperationRecord,
    PointRecord,
    ResourceRecord,
    ScopeRecord,
    SpanRecord,
    StreamRecord,
)

T0_NS = 1_795_473_187_967_755_510  # 2026-11-23T22:33:07.967755510Z
MS = 10**6
SECOND = 10**9

_numbers = itertools.count(1_000_000)  # beyond those that tests give themselves
Item = TypeVar("Item", bound=Hashable)


@dataclass
class MadeSpan:
    """A span and what it points at."""

    record: SpanRecord
    resource: ResourceRecord
    scope: ScopeRecord
    operation: OperationRecord

    @property
    def trace_id(self) -> str:
        return self.record.trace_id.hex()

    @property
    def span_id(self) -> str:
        return self.record.span_id.hex()


@dataclass
class MadeLog:
    """A log record and what it points at."""

    record: LogRecord
    resource: ResourceRecord
    scope: ScopeRecord


@dataclass
class MadePoint:
    """A metric point and what it points at."""

    record: PointRecord
    resource: ResourceRecord
    scope: ScopeRecord
    stream: StreamRecord
    exemplars: list[ExemplarRecord]


def trace_id(number: int) -> str:
    """The hex trace id a number stands for."""
    return f"{number:032x}"


def span_id(number: int) -> str:
    """The hex span id a number stands for."""
    return f"{number:016x}"


def make_resource(service: str = "shop", **attributes: Any) -> ResourceRecord:
    """A resource with service.name and further attributes (`host_name` stands for host.name)."""
    dotted = {key.replace("_", "."): value for key, value in attributes.items()}
    return ResourceRecord(service, plain_json(dict(sorted({"service.name": service, **dotted}.items()))))


def make_span(
    name: str = "GET /",
    *,
    service: str = "shop",
    trace: str | None = None,
    span: str | None = None,
    parent: str | None = None,
    start_ns: int = T0_NS,
    duration_ns: int | None = 10 * MS,
    kind: int = 1,
    status: str = "unset",
    status_message: str | None = None,
    attributes: dict[str, Any] | None = None,
    events: list[dict[str, Any]] | None = None,
    links: list[dict[str, Any]] | None = None,
    scope: str = "tests",
    resource: ResourceRecord | None = None,
    **fields: Any,
) -> MadeSpan:
    """A span; without `trace` and `span` it gets ids of its own. Ids are hex. `fields` are SpanRecord's own."""
    resource = resource or make_resource(service)
    record = SpanRecord(
        resource=0,
        scope=0,
        operation=0,
        trace_id=bytes.fromhex(trace or trace_id(next(_numbers) << 64 | 0xABCD)),
        span_id=bytes.fromhex(span or span_id(next(_numbers))),
        parent_span_id=bytes.fromhex(parent) if parent else None,
        start_ns=start_ns,
        duration_ns=duration_ns,
        status_code={"unset": 0, "ok": 1, "error": 2}[status],
        status_message=status_message,
        flags=fields.pop("flags", 257),
        trace_state=fields.pop("trace_state", None),
        attributes=plain_json(attributes or {}),
        events=orjson.dumps(events).decode() if events else None,
        links=orjson.dumps(links).decode() if links else None,
        **fields,
    )
    return MadeSpan(record, resource, ScopeRecord(scope), OperationRecord(resource.service, name, kind))


def make_log(
    body: Any = "hello",
    *,
    service: str = "shop",
    time_ns: int = T0_NS,
    severity: int = 9,
    severity_text: str = "INFO",
    trace: str | None = None,
    span: str | None = None,
    attributes: dict[str, Any] | None = None,
    scope: str = "tests",
    resource: ResourceRecord | None = None,
    **fields: Any,
) -> MadeLog:
    """A log record; ids are hex. `fields` are LogRecord's own."""
    record = LogRecord(
        resource=0,
        scope=0,
        time_ns=time_ns,
        clock=fields.pop("clock", 0),
        observed_ns=fields.pop("observed_ns", None),
        severity_number=severity,
        severity_text=severity_text,
        body=None if body is None else plain_json(body),
        event_name=fields.pop("event_name", ""),
        trace_id=bytes.fromhex(trace) if trace else None,
        span_id=bytes.fromhex(span) if span else None,
        flags=fields.pop("flags", 0),
        attributes=plain_json(attributes or {}),
        **fields,
    )
    return MadeLog(record, resource or make_resource(service), ScopeRecord(scope))


def make_point(
    value: Any = None,
    *,
    name: str = "requests",
    service: str = "shop",
    unit: str = "1",
    kind: int = MetricKind.GAUGE,
    temporality: int = 0,
    is_monotonic: bool = False,
    time_ns: int = T0_NS,
    start_ns: int = 0,
    attributes: dict[str, Any] | None = None,
    description: str = "",
    detail: dict[str, Any] | None = None,
    exemplars: list[ExemplarRecord] | None = None,
    scope: str = "tests",
    resource: ResourceRecord | None = None,
    **fields: Any,
) -> MadePoint:
    """A metric point of a stream; an int value is stored as one. `fields` are PointRecord's own (count, sum, ...)."""
    stream = StreamRecord(
        resource=0,
        scope=0,
        name=name,
        unit=unit,
        kind=int(kind),
        temporality=temporality,
        is_monotonic=is_monotonic,
        attributes=plain_json(dict(sorted((attributes or {}).items()))),
        start_ns=start_ns if temporality == 2 else 0,
        description=description,
    )
    record = PointRecord(
        stream=0,
        start_ns=start_ns,
        time_ns=time_ns,
        flags=fields.pop("flags", 0),
        value_int=value if isinstance(value, int) else None,
        value_double=value if isinstance(value, float) else None,
        detail=orjson.dumps(detail).decode() if detail else None,
        **fields,
    )
    return MadePoint(record, resource or make_resource(service), ScopeRecord(scope), stream, exemplars or [])


def make_histogram(bounds: list[float], counts: list[int], **options: Any) -> MadePoint:
    """A delta histogram point."""
    defaults: dict[str, Any] = {"kind": MetricKind.HISTOGRAM, "temporality": 1, "name": "duration", "unit": "ms"}
    detail = {"bounds": bounds, "counts": counts}
    return make_point(**defaults | {"detail": detail, "count": sum(counts)} | options)


def make_exemplar(value: Any, *, trace: str = "", span: str = "", time_ns: int = T0_NS) -> ExemplarRecord:
    """An exemplar for `make_point`; ids are hex."""
    return ExemplarRecord(
        stream=0,
        time_ns=time_ns,
        value_int=value if isinstance(value, int) else None,
        value_double=value if isinstance(value, float) else None,
        trace_id=bytes.fromhex(trace) or None,
        span_id=bytes.fromhex(span) or None,
    )


def batch(*items: MadeSpan | MadeLog | MadePoint) -> Batch:
    """What was made, as one request's records."""
    made = Batch()
    for item in items:
        resource, scope = _position(made.resources, item.resource), _position(made.scopes, item.scope)
        if isinstance(item, MadeSpan):
            operation = _position(made.operations, item.operation)
            made.spans.append(item.record._replace(resource=resource, scope=scope, operation=operation))
        elif isinstance(item, MadeLog):
            made.logs.append(item.record._replace(resource=resource, scope=scope))
        else:
            stream = _position(made.streams, item.stream._replace(resource=resource, scope=scope))
            made.points.append(item.record._replace(stream=stream))
            made.exemplars += [exemplar._replace(stream=stream) for exemplar in item.exemplars]
    return made


def _position(items: list[Item], item: Item) -> int:
    if item not in items:
        items.append(item)
    return items.index(item)
