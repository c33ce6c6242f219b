"""What lies in an area of the heatmap: its slowest claims and spans, and the attributes that stand out there.

Before: `area` read the address. After: the page lists both, whatever the heatmap counts: claims lead to their traces by
their links, spans to their claims. Everything is bounded, and what was left out is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from collector import sample
from collector.models import Span, Trace
from collector.raw import raw_rows
from dashboard.attributes import one_line
from dashboard.overview.area import Area
from dashboard.overview.standout import Standout, stand_out
from dashboard.parameters import Parameters
from dashboard.words import span_kind, status
from sandboxes import questions, story
from sandboxes.models import Claim, Link

SHOWN = 8
CLAIMS_LOOKED_AT = 5_000  # newest of the range
CLAIMS_COMPARED = 300  # each with its story
COMPARED_BY = {  # a claim's columns by what the page calls them
    "namespace": "namespace", "pool": "pool", "template": "template", "start": "start_type", "state": "state",
    "node": "node", "why": "cause",
}  # fmt: skip


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
    from_ns, to_ns = sample.narrowed(f, area.from_ns, area.to_ns)
    near = every = sample.newest(f)
    if (from_ns, to_ns) != (f.from_ns, f.to_ns):
        near = sample.newest(replace(f, from_ns=from_ns, to_ns=to_ns))
    inside = near.those(area.holds)
    rest = every.those(lambda start_ns, duration_ns: not area.holds(start_ns, duration_ns))
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
    times = sample.narrowed(f, area.from_ns, area.to_ns)
    near = every = _ready(f)
    if times != (f.from_ns, f.to_ns):
        near = _ready(replace(f, from_ns=times[0], to_ns=times[1]))
    inside = [(pk, ready_ns) for pk, zero_ns, ready_ns in near[:CLAIMS_LOOKED_AT] if area.holds(zero_ns, ready_ns)]
    rest = [(pk, ready_ns) for pk, zero_ns, ready_ns in every[:CLAIMS_LOOKED_AT] if not area.holds(zero_ns, ready_ns)]
    slowest = sorted(inside, key=lambda row: -row[1])[:SHOWN]
    in_order = {pk: place for place, (pk, _) in enumerate(slowest)}
    claims = sorted(Claim.objects.filter(pk__in=in_order), key=lambda claim: in_order[claim.pk])
    picked, others = _picked(inside), _picked(rest)
    return Within(
        noun="claim",
        found=len(inside),
        looked_at=min(len(near), CLAIMS_LOOKED_AT),
        whole=len(near) <= CLAIMS_LOOKED_AT,
        claims=claims,
        spans=[],
        traces=_traces_of(uid for uid, *_ in picked),
        standouts=stand_out([_of_claim(*claim) for claim in picked], [_of_claim(*claim) for claim in others]),
        compared_with=len(others),
    )


def _ready(f: questions.ClaimFilter) -> list[tuple[int, int, int]]:
    """(id, beginning, time to ready) of the newest claims, and of one more than are looked at."""
    found = questions.claims(f).filter(time_to_ready_ns__isnull=False).prefetch_related(None)
    return raw_rows(found[: CLAIMS_LOOKED_AT + 1], ("id", "zero_ns", "time_to_ready_ns"))


def _picked(rows: Sequence[tuple[int, int]]) -> list[tuple[Any, ...]]:
    """What some of these claims are compared by, evenly over all: (uid, story as JSON, columns of COMPARED_BY)."""
    step = max(1, -(-len(rows) // CLAIMS_COMPARED))
    picked = Claim.objects.filter(pk__in=[pk for pk, _ in rows[::step]])
    return raw_rows(picked, ("uid", "lifecycle", *COMPARED_BY.values()))


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


def _of_claim(_: str, lifecycle: str, *words: str) -> dict[str, str]:
    """What claims are compared by: where they are from, how they started, which stage took longest.

    Each story is parsed and let go here: six hundred of them, kept until the last is read, take three times as long.
    """
    found = dict(zip(COMPARED_BY, words, strict=True)) | {"longest stage": story.longest_in(orjson.loads(lifecycle))}
    return {key: value for key, value in found.items() if value}
