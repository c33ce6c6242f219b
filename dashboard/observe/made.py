"""What arrived from a program: its traces, and the claims these belong to.

Before: the program has ended. After: the command prints links. What it sent last may still be on its way, and is joined
with claims in its own time: looked for until nothing more comes for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, TextField
from django.db.models.functions import Cast

from collector.models import Log, MetricPoint, MetricStream, Resource, Span, Trace
from sandboxes.models import Claim, Link
from sandboxes.questions import AMBIGUOUS

LOOK_S = 0.25
QUIET_S = 1.5  # nothing more comes for so long: that was it
MAX_TRACES = 1_000
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Marks:
    """The newest rows before the program began: what it sent comes after them."""

    resource: int
    span: int
    log: int
    point: int


@dataclass(frozen=True, slots=True)
class Made:
    """What arrived; at most MAX_TRACES traces, oldest first."""

    spans: int
    logs: int
    points: int
    traces: list[Trace]
    claims: list[Claim]


def marks() -> Marks:
    """Where the tables are now."""
    newest = [
        model._default_manager.aggregate(newest=Max("id"))["newest"] for model in (Resource, Span, Log, MetricPoint)
    ]
    return Marks(*(number or 0 for number in newest))


def wait_for(run_id: str, since: Marks, seconds: float, sleep: Callable[[float], Any] = time.sleep) -> Made:
    """What arrived of this run, once nothing more has come for a while; after so many seconds, what there is."""
    made, quiet_s, waited_s = made_by(run_id, since), 0.0, 0.0
    while waited_s < seconds and not (quiet_s >= QUIET_S and made.spans + made.logs + made.points):
        sleep(LOOK_S)
        waited_s += LOOK_S
        now = made_by(run_id, since)
        quiet_s = quiet_s + LOOK_S if _size(now) == _size(made) else 0.0
        made = now
    return made


def made_by(run_id: str, since: Marks) -> Made:
    """What is there now of this run."""
    text = Resource.objects.alias(text=Cast("attributes", TextField()))
    # Resources of before are none of it: a program that runs for the first time is a new one.
    resources = list(text.filter(id__gt=since.resource, text__contains=run_id).values_list("id", flat=True))
    spans = Span.objects.filter(id__gt=since.span, resource__in=resources)
    logs = Log.objects.filter(id__gt=since.log, resource__in=resources)
    streams = MetricStream.objects.filter(resource__in=resources).values("id")
    ids = list(spans.order_by().values_list("trace_id", flat=True).distinct()[:MAX_TRACES])
    traces: list[Trace] = []
    claims: dict[str, Claim] = {}
    for position in range(0, len(ids), CHUNK):
        part = ids[position : position + CHUNK]
        traces += Trace.objects.filter(trace_id__in=part).prefetch_related("head_operation")
        sure = Link.objects.filter(trace_id__in=part).exclude(certainty=AMBIGUOUS).values("claim_uid")
        claims |= {claim.uid: claim for claim in Claim.objects.filter(uid__in=sure)}
    return Made(
        spans.count(),
        logs.count(),
        MetricPoint.objects.filter(id__gt=since.point, stream__in=streams).count(),
        sorted(traces, key=lambda trace: trace.start_ns),
        sorted(claims.values(), key=lambda claim: claim.zero_ns),
    )


def _size(made: Made) -> tuple[int, ...]:
    states = hash(tuple((claim.uid, claim.changed_ns) for claim in made.claims))
    return made.spans, made.logs, made.points, len(made.traces), len(made.claims), states
