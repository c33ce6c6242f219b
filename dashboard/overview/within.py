"""What lies in an area of the heatmap: its slowest claims and spans, and the attributes that stand out there.

Before: `area` read the address. After: the page lists both, whatever the heatmap counts: claims lead to their traces by
their links, spans to their claims. Everything is bounded, and what was left out is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import QuerySet

from collector import sample
from collector.models import Span, Trace
from dashboard.attributes import one_line
from dashboard.overview.area import Area
from dashboard.overview.standout import Standout, stand_out
from dashboard.parameters import Parameters
from dashboard.words import span_kind, status
from sandboxes import questions, story
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, Link

SHOWN = 8
CLAIMS_LOOKED_AT = 5_000  # newest of the range
CLAIMS_COMPARED = 300  # each with its story


@dataclass(frozen=True, slots=True)
class Within:
    """`found` of `looked_at` newest lie in it; not `whole`: there are older ones nobody looked at."""

    noun: str
    found: int
    looked_at: int
    whole: bool
    claims: list[Claim]
    spans: list[Span]
    traces: list[Trace]
    standouts: list[Standout]
    compared_with: int


def spans_within(parameters: Parameters, area: Area) -> Within:
    """The spans that began in the area's time and took as long as it says, of those the page's filters leave."""
    f = parameters.filter
    inside = sample.sample(
        sample.between(f, area.from_ns, area.to_ns), lambda span: area.holds(span.start_ns, span.duration_ns)
    )
    rest = sample.sample(f, lambda span: not area.holds(span.start_ns, span.duration_ns))
    picked, others = sample.loaded(inside.picked()), sample.loaded(rest.picked())
    traces = {span.trace_id for span in picked}
    return Within(
        noun="span",
        found=len(inside.found),
        looked_at=inside.looked_at,
        whole=inside.whole,
        claims=_claims_of(traces),
        spans=sample.loaded(inside.slowest(SHOWN)),
        traces=[],
        standouts=stand_out([_of_span(span) for span in picked], [_of_span(span) for span in others]),
        compared_with=len(others),
    )


def claims_within(parameters: Parameters, area: Area) -> Within:
    """The claims that began in the area's time and were ready as soon as it says."""
    f = parameters.claims
    lower = max((ns for ns in (f.from_ns, area.from_ns) if ns is not None), default=None)
    upper = min((ns for ns in (f.to_ns, area.to_ns) if ns is not None), default=None)
    ready = questions.claims(replace(f, from_ns=lower, to_ns=upper)).filter(time_to_ready_ns__isnull=False)
    inside = _meant(ready, area, True)
    rest = _meant(questions.claims(f).filter(time_to_ready_ns__isnull=False), area, False)
    looked_at = len(ready.values("id")[: CLAIMS_LOOKED_AT + 1])
    slowest = sorted(inside, key=lambda row: -row[1])[:SHOWN]
    in_order = {pk: place for place, (pk, _) in enumerate(slowest)}
    claims = sorted(Claim.objects.filter(pk__in=in_order), key=lambda claim: in_order[claim.pk])
    picked, others = _picked(inside), _picked(rest)
    return Within(
        noun="claim",
        found=len(inside),
        looked_at=min(looked_at, CLAIMS_LOOKED_AT),
        whole=looked_at <= CLAIMS_LOOKED_AT,
        claims=claims,
        spans=[],
        traces=_traces_of(claim.uid for claim in picked),
        standouts=stand_out([_of_claim(claim) for claim in picked], [_of_claim(claim) for claim in others]),
        compared_with=len(others),
    )


def _meant(found: QuerySet[Claim], area: Area, is_inside: bool) -> list[tuple[int, int]]:
    """(id, time to ready) of the claims in the area, or of those not in it."""
    rows = found.prefetch_related(None).values_list("id", "zero_ns", "time_to_ready_ns")[:CLAIMS_LOOKED_AT]
    return [
        (pk, ready_ns)
        for pk, zero_ns, ready_ns in rows
        if ready_ns is not None and area.holds(zero_ns, ready_ns) == is_inside
    ]


def _picked(rows: Sequence[tuple[int, int]]) -> list[Claim]:
    step = max(1, -(-len(rows) // CLAIMS_COMPARED))
    return list(Claim.objects.filter(pk__in=[pk for pk, _ in rows[::step]]))


def _claims_of(trace_ids: Iterable[str]) -> list[Claim]:
    sure = Link.objects.filter(trace_id__in=list(trace_ids)).exclude(certainty=questions.AMBIGUOUS)
    uids = set(sure.values_list("claim_uid", flat=True))
    return list(Claim.objects.filter(uid__in=uids).order_by("-zero_ns", "-id")[:SHOWN])


def _traces_of(uids: Iterable[str]) -> list[Trace]:
    sure = Link.objects.filter(claim_uid__in=list(uids)).exclude(certainty=questions.AMBIGUOUS)
    ids = set(sure.values_list("trace_id", flat=True))
    found = Trace.objects.filter(trace_id__in=ids).order_by("-duration_ns", "trace_id")
    return list(found.prefetch_related("head_operation")[:SHOWN])


def _of_span(span: Span) -> dict[str, str]:
    """What spans are compared by: their attributes, their program's, and what they are."""
    attributes = {**span.resource.attributes, **span.attributes}
    own = {
        "service": span.operation.service,
        "operation": span.operation.name,
        "kind": span_kind(span.operation.kind),
        "status": status(span.status_code),
    }
    return {key: one_line(value) for key, value in attributes.items() if key != "service.name"} | own


def _of_claim(claim: Claim) -> dict[str, str]:
    """What claims are compared by: where they are from, how they started, which stage took longest."""
    lifecycle = from_json(claim.lifecycle)
    longest = story.longest(lifecycle)
    found = {
        "namespace": claim.namespace,
        "pool": claim.pool,
        "template": claim.template,
        "start": claim.start_type,
        "state": claim.state,
        "node": claim.node,
        "longest stage": longest.name if longest else "",
        "why": lifecycle.why.cause if lifecycle.why else "",
    }
    return {key: value for key, value in found.items() if value}
