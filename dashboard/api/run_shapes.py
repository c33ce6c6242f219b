"""What the API answers about runs, as types: they check each answer and make the OpenAPI document. null is unknown."""

from __future__ import annotations

from typing import Any

from ninja import Schema


class Spread(Schema):
    """How long something took in `count` cases; each figure was measured once, and to that precision."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    p50_precision_ms: float
    p95_precision_ms: float
    p99_precision_ms: float
    max_precision_ms: float


class Run(Schema):
    """A run in short; the columns of runs.csv."""

    id: str
    number: int
    started: str
    asked_ns: str
    began_ns: str | None
    ended_ns: str | None
    pool: str
    namespace: str
    label: str
    requested: int
    ready: int
    failed: int
    cancelled: int
    cold: int
    warm: int
    timed_out: int
    ready_per_s: float | None
    time_to_ready: Spread | None
    state: str
    problem: str
    asked_by: str
    note: str
    plan: dict[str, Any]


class Runs(Schema):
    """A page of runs."""

    items: list[Run]
    next: str | None


class Measure(Schema):
    """A stage, over all sandboxes and by how they started."""

    stage: str
    owner: str
    all: Spread
    cold: Spread | None
    warm: Spread | None


class Failure(Schema):
    """Sandboxes that failed alike: the SDK's exception, and what the cluster says of the claim."""

    error_type: str
    cause: str
    count: int
    sentence: str
    advice: str
    claims: list[str]


class Step(Schema):
    """A command or a file, and what came back, cut to 4,000 characters."""

    what: str
    began_ns: str
    duration_ms: float
    exit_code: int | None
    output: str
    errors: str
    timed_out: bool


class Sandbox(Schema):
    """A sandbox of the run, as the client saw it."""

    number: int
    claim: str
    claim_uid: str | None
    state: str
    requested_ns: str | None
    ready_ns: str | None
    deleted_ns: str | None
    error_type: str
    error: str
    trace_id: str | None
    steps: list[Step]


class Comparison(Schema):
    """The run beside an earlier one, stage by stage; `verdict`: slower, faster, noise, too few to tell."""

    earlier: str
    stages: list[dict[str, Any]]


class WholeRun(Schema):
    """A run with everything known of it."""

    run: Run
    stages: list[Measure]
    failures: list[Failure]
    sandboxes: list[Sandbox]
    comparisons: list[Comparison]
