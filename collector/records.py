"""What the stages hand to each other: one request's telemetry as plain tuples.

Before: `decode` (OTLP) and `console` (printed text) make a `Batch`. After: `store` writes it.

Shapes. Times are integer nanoseconds since 1970. Ids are raw bytes (16 and 8). Attributes and everything else of
AnyValue's kind are JSON text as `decode.attributes` writes it: plain values as themselves, kinds JSON cannot tell
apart in OTLP's tagged form. Text holds no NUL (PostgreSQL has no room for it): it becomes U+FFFD.

Spans, logs and points point into their batch's `resources`, `scopes`, `operations` and `streams` by position, so that
what repeats is said once. Named tuples, not dataclasses: a frozen dataclass of twenty fields costs 2 us to make, a
named tuple 0.4, and there is one per span.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

NS_PER_DAY = 86_400 * 10**9
MAX_TIME_NS = 2**63 - 1


class Clock(IntEnum):
    """Whose clock a time was read from."""

    CLIENT = 0  # the program's own, on the record
    OBSERVED = 1  # when the program's SDK observed it: the record carried no time of its own
    RECEIPT = 2  # ours: the record carried no time at all
    ZONE_ASSUMED = 3  # the program's own, printed without a time zone


class MetricKind(IntEnum):
    """The five kinds of OTLP metric data."""

    GAUGE = 1
    SUM = 2
    HISTOGRAM = 3
    EXPONENTIAL_HISTOGRAM = 4
    SUMMARY = 5


CUMULATIVE = 2  # a stream's temporality: totals since its start
NO_RECORDED_VALUE = 1  # of a point's flags: its sender says that the stream has stopped


class ResourceRecord(NamedTuple):
    """A resource; `service` is its service.name, or `unknown_service`."""

    service: str
    attributes: str
    schema_url: str = ""
    dropped_attributes_count: int = 0
    entity_refs: str | None = None  # JSON list in OTLP's own JSON form


class ScopeRecord(NamedTuple):
    """An instrumentation scope."""

    name: str
    version: str = ""
    attributes: str = "{}"
    schema_url: str = ""
    dropped_attributes_count: int = 0


OTHER_KIND = -1  # instead of a span kind: an operation that stands for others, which no span has


class OperationRecord(NamedTuple):
    """What spans are grouped, listed and measured by."""

    service: str
    name: str
    kind: int  # OTLP's span kind, 0 to 5


class SpanRecord(NamedTuple):
    """One span. `events` and `links` are JSON lists or None; `duration_ns` is None when the end is unknown."""

    resource: int
    scope: int
    operation: int
    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes | None
    start_ns: int
    duration_ns: int | None
    status_code: int
    status_message: str | None
    flags: int
    trace_state: str | None
    attributes: str
    events: str | None
    links: str | None
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0
    precision_ns: int = 1


class LogRecord(NamedTuple):
    """One log record. `body` is JSON (a string body is a JSON string) or None; `time_ns` is told by `clock`."""

    resource: int
    scope: int
    time_ns: int
    clock: int
    observed_ns: int | None
    severity_number: int
    severity_text: str
    body: str | None
    event_name: str
    trace_id: bytes | None
    span_id: bytes | None
    flags: int
    attributes: str
    dropped_attributes_count: int = 0
    precision_ns: int = 1
    assumed_offset_minutes: int | None = None  # with Clock.ZONE_ASSUMED: the offset from UTC that was assumed


class StreamRecord(NamedTuple):
    """A metric stream: what tells one series of points from another (reference: OTLP data model, 3.3).

    `start_ns` is 0 but for cumulative data, where it tells parallel programs apart that share every attribute.
    """

    resource: int
    scope: int
    name: str
    unit: str
    kind: int
    temporality: int  # 0 none, 1 delta, 2 cumulative
    is_monotonic: bool
    attributes: str
    start_ns: int
    description: str = ""
    metadata: str | None = None  # JSON, Metric.metadata


class PointRecord(NamedTuple):
    """One point. `detail` is JSON or None: buckets, quantiles, and numbers a database column has no room for.

    HISTOGRAM detail: {"bounds": [...], "counts": [...]}. EXPONENTIAL_HISTOGRAM: {"scale", "zero_count",
    "zero_threshold", "positive": {"offset", "counts"}, "negative": {...}}. SUMMARY: {"quantiles": [[quantile, value]]}.
    Any kind: {"nan": ["value_double" | "sum" | ...]} names columns that were NaN, which SQLite keeps as NULL.
    """

    stream: int
    start_ns: int
    time_ns: int
    flags: int
    value_int: int | None = None
    value_double: float | None = None
    count: int | None = None  # type: ignore[assignment]  # OTLP's word; tuple.count is not used
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    detail: str | None = None


class ExemplarRecord(NamedTuple):
    """A measurement kept as an example. Apart from its point: it is sent once, its stream's points go on without it."""

    stream: int
    time_ns: int
    value_int: int | None
    value_double: float | None
    trace_id: bytes | None
    span_id: bytes | None
    attributes: str = "{}"


@dataclass(slots=True)
class Batch:
    """What one request, or one imported file, brings. `rejected` items are refused alone; the rest is stored."""

    resources: list[ResourceRecord] = field(default_factory=list)
    scopes: list[ScopeRecord] = field(default_factory=list)
    operations: list[OperationRecord] = field(default_factory=list)
    streams: list[StreamRecord] = field(default_factory=list)
    spans: list[SpanRecord] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    points: list[PointRecord] = field(default_factory=list)
    exemplars: list[ExemplarRecord] = field(default_factory=list)
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)  # one sentence each, the first few only
    # Each log's ordinal among equal ones, when the batch is but a part of a body (a file): else `store` counts.
    log_ordinals: list[int] | None = None

    def reject(self, reason: str) -> None:
        """Counts a refused item and keeps the first few reasons for the sender to read."""
        self.rejected += 1
        if len(self.reasons) < 5 and reason not in self.reasons:
            self.reasons.append(reason)

    @property
    def items(self) -> int:
        """Spans, logs and points together."""
        return len(self.spans) + len(self.logs) + len(self.points)


@dataclass(frozen=True, slots=True)
class NewRows:
    """What `store` added for a batch: the records that were not there before, and the ids of what they point to."""

    batch: Batch
    spans: list[SpanRecord]
    logs: list[LogRecord]
    points: list[PointRecord]
    resource_ids: list[int]
    scope_ids: list[int]
    operation_ids: list[int]
    stream_ids: list[int]


# Acts on new rows in the transaction that wrote them: trace summaries; later latency rollups and link hints.
Stage = Callable[[NewRows], None]
