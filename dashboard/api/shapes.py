"""What the API answers with, as types: they check each answer and make the OpenAPI document.

Names are those of the CSV columns. null is unknown.
"""

from __future__ import annotations

from typing import Any

from ninja import Schema

Attributes = dict[str, Any]
Number = int | float | str  # a text: NaN, Infinity, or a whole number beyond 2^53


class Problem(Schema):
    """Why a request was refused: a sentence, and one for each parameter."""

    detail: str
    problems: dict[str, str]


class Claimed(Schema):
    """The claim a row belongs to."""

    claim_uid: str | None = None
    claim: str | None = None
    evidence: str | None = None


class Span(Claimed):
    """A span."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    kind: str
    status: str
    status_message: str | None
    start_time: str
    start_ns: str
    end_ns: str | None
    duration_ms: float | None
    scope: str
    scope_version: str
    certainty: str | None = None
    attributes: Attributes
    resource: Attributes
    events: list[Attributes]
    links: list[Attributes]
    trace_state: str | None
    flags: int
    dropped_attributes_count: int
    dropped_events_count: int
    dropped_links_count: int


class Log(Claimed):
    """A log record. `clock` says whose clock `time` was read from: client, observed, receipt or zone_assumed."""

    time: str
    time_ns: str
    clock: str
    assumed_offset_minutes: int | None
    observed_ns: str | None
    severity: str
    severity_number: int | None
    service: str
    body: Any
    event_name: str
    trace_id: str | None
    span_id: str | None
    scope: str
    attributes: Attributes
    resource: Attributes


class MetricPoint(Schema):
    """A point of a metric stream. `detail`: buckets or quantiles. A percentile in `lower_bounds` is at least that."""

    time: str
    time_ns: str
    start_ns: str | None
    stream: int
    service: str
    metric: str
    kind: str
    unit: str
    temporality: str
    is_monotonic: bool
    value: Number | None
    count: int | None
    sum: Number | None
    min: Number | None
    max: Number | None
    p50: float | None
    p95: float | None
    p99: float | None
    lower_bounds: list[str]
    detail: Attributes | None
    scope: str
    attributes: Attributes
    resource: Attributes


class Head(Schema):
    """The span a trace is known by."""

    service: str
    name: str
    kind: str
    span_id: str


class Trace(Schema):
    """A trace in short. `has_root` is false while its root span is missing; `head` is the earliest span then."""

    trace_id: str
    start_time: str
    start_ns: str
    end_ns: str
    duration_ms: float
    head: Head
    has_root: bool
    services: list[str]
    span_count: int
    error_count: int


class Claim(Schema):
    """A claim in short. `cluster` is null for one that is known from telemetry alone."""

    uid: str
    cluster: str | None
    namespace: str
    claim: str
    pool: str
    template: str
    start_type: str
    state: str
    reason: str
    sandbox: str
    pod: str
    node: str
    zero_ns: str
    created_ns: str | None
    ready_ns: str | None
    deleted_ns: str | None
    time_to_ready_ms: float | None
    time_to_ready_precision_ms: float | None
    clock: str


class Moment(Schema):
    """When a milestone was reached: the best single value between its bounds, by whose clock, from what."""

    milestone: str
    time_ns: str
    lower_ns: str
    upper_ns: str
    clock: str
    precision_ns: str
    source: str


class Stage(Schema):
    """What lies between two milestones. `pre_warmed`: the pool did it, before the claim asked."""

    stage: str
    owner: str
    start_ns: str
    end_ns: str
    duration_ms: float
    lower_ms: float
    upper_ms: float
    clock: str
    precision_ns: str
    source: str
    pre_warmed: bool


class StageOfClaim(Stage):
    """A stage with the claim it is of."""

    claim_uid: str
    namespace: str
    claim: str
    pool: str
    template: str
    start_type: str
    start: str
    end: str


class Stages(Schema):
    """The stages of a page of claims."""

    items: list[StageOfClaim]
    next: str | None


class ProofOfWhy(Schema):
    """The object or Event that shows why."""

    kind: str
    name: str
    reason: str
    message: str
    time_ns: str


class Why(Schema):
    """Why a claim is stuck, failed or slow, and what to do next."""

    cause: str
    sentence: str
    advice: str
    proof: ProofOfWhy | None


class Link(Schema):
    """A span of a claim. An ambiguous one may be another claim's."""

    claim_uid: str
    trace_id: str
    span_id: str
    evidence: str
    certainty: str


class Claims(Schema):
    """A page of claims."""

    items: list[Claim]
    next: str | None


class Links(Schema):
    """A page of links."""

    items: list[Link]
    next: str | None


class WholeClaim(Schema):
    """A claim with its milestones and stages. `complete` is false when it has more links than one answer holds."""

    claim: Claim
    moments: list[Moment]
    stages: list[Stage]
    why: Why | None
    links: list[Link]
    complete: bool


class Spans(Schema):
    """A page of spans. `looked_until_ns`: attributes of later spans were not looked at; go on with it as `from`."""

    items: list[Span]
    next: str | None
    looked_until_ns: str | None = None


class Logs(Schema):
    """A page of log records."""

    items: list[Log]
    next: str | None


class MetricPoints(Schema):
    """A page of metric points."""

    items: list[MetricPoint]
    next: str | None


class Traces(Schema):
    """A page of traces. `looked_until_ns`: attributes of earlier spans were not looked at; go on with it as `to`."""

    items: list[Trace]
    next: str | None
    looked_until_ns: str | None = None


class WholeTrace(Schema):
    """A trace. `complete` is false when it has more spans or logs than one answer holds: /spans and /logs page them."""

    trace: Trace
    spans: list[Span]
    logs: list[Log]
    complete: bool
