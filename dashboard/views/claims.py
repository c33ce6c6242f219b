"""/claims/: the claims of a time range, newest or longest first, each with what its start was made of."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.addresses import host_of, http_endpoint
from dashboard.axis import scale_ns, ticks
from dashboard.claim.kubectl import delete_command
from dashboard.claim.mini_bar import Piece, mini_bar
from dashboard.claim.pool_usual import FEWEST, share_below
from dashboard.parameters import CHOOSE, CLAIM_NAMES, DEFAULT_RANGE, ORDER, Parameters
from dashboard.views.lists import draw_list, elsewhere, without
from sandboxes import questions
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim
from sandboxes.questions import OPEN_STATES, ClaimFilter
from sandboxes.records import Lifecycle, State
from sandboxes.watch import standing, watcher

FILTERS = ("q", "state", "start", "min_duration", "pool", "template", "namespace", "claim", "run", "cluster")
SCALE_WITHOUT_STARTS_NS = 2 * 10**9
LEFT_OPEN_NS = 15 * 60 * 10**9  # ready for longer than this and nobody deleted it: somebody may have forgotten


@dataclass(frozen=True, slots=True)
class Place:
    """Where a start is among the newest of its kind in its pool: what share of the others was faster."""

    percent: int
    of: int

    @property
    def x(self) -> float:
        """In a picture 44 wide."""
        return round(3 + self.percent * 0.38, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """A claim as the list shows it."""

    claim: Claim
    pieces: list[Piece]
    too_long: bool
    precision_ns: int
    open_ns: int | None  # of a claim that is still starting
    never: bool
    said: str  # in place of a bar, or behind it: why
    evidence: tuple[str, str] | None
    spans: int
    left_open: bool
    delete: str  # the kubectl command, of one left open
    place: Place | None = None


@never_cache
@require_safe
def claims(request: HttpRequest) -> HttpResponse:
    """The page, or with `X-Partial` what changes on it."""
    return draw_list(
        request,
        "claims",
        {
            "choosing": bool(request.GET.get("choose")),
            "all_states": questions.STATES,
        },
        CLAIM_NAMES | ORDER | CHOOSE,
        DEFAULT_RANGE,
        choices=lambda: questions.names("pool", "namespace"),
        found=_list,
        why_empty=_why_empty,
    )


def _list(parameters: Parameters) -> dict[str, Any]:
    found = questions.claims(parameters.claims)
    page = parameters.page(found, questions.longest_first)
    now_ns = time.time_ns()
    uids = [claim.uid for claim in page.rows]
    evidence, spans = questions.evidence(uids), questions.linked_spans(uids)
    lengths = [claim.time_to_ready_ns for claim in page.rows if claim.time_to_ready_ns]
    starts = questions.lengths_in_pools(page.rows)
    scale = scale_ns(lengths or [SCALE_WITHOUT_STARTS_NS])
    counted = questions.states(replace(parameters.claims, state=""))
    return {
        "range": parameters.range,
        "longest_first": parameters.longest_first,
        "not_ready": found.filter(time_to_ready_ns=None).count() if parameters.longest_first else 0,
        "rows": [
            replace(row(claim, scale, now_ns, evidence, spans.get(claim.uid, 0)), place=_place(claim, starts))
            for claim in page.rows
        ],
        "ticks": ticks(scale, most=5),
        "states": [(state, counted[state]) for state in questions.STATES if state in counted],
        "next": page.next,
        "count": counted.get(parameters.claims.state, 0) if parameters.claims.state else sum(counted.values()),
    }


def row(claim: Claim, scale: int, now_ns: int, evidence: Mapping[str, list[tuple[str, str]]], spans: int) -> Row:
    lifecycle = from_json(claim.lifecycle)
    bar = mini_bar(lifecycle, scale, now_ns)
    starting = claim.state in (State.STARTING, State.STUCK)
    ready = claim.time_to_ready_ns is not None
    ready_ns = claim.ready_ns or claim.zero_ns
    left_open = claim.state in OPEN_STATES and ready and now_ns - ready_ns > LEFT_OPEN_NS
    return Row(
        claim=claim,
        pieces=bar.pieces,
        too_long=bar.too_long,
        precision_ns=claim.time_to_ready_precision_ns or 1,
        open_ns=now_ns - claim.zero_ns if starting else None,
        never=not ready and not starting,
        said=_said(claim, lifecycle),
        evidence=next(iter(evidence.get(claim.uid, [])), None),
        spans=spans,
        left_open=left_open,
        delete=delete_command(claim.name, claim.namespace) if left_open else "",
    )


def _place(claim: Claim, starts: Mapping[tuple[str, ...], Sequence[int]]) -> Place | None:
    alike = starts.get(questions.pool_key(claim), ())
    if claim.time_to_ready_ns is None or len(alike) < FEWEST:
        return None
    return Place(int(100 * share_below(claim.time_to_ready_ns, alike)), len(alike))


def _said(claim: Claim, lifecycle: Lifecycle) -> str:
    """Why it is stuck or failed, in a few words."""
    if claim.state not in (State.STUCK, State.FAILED, State.EXPIRED):
        return ""
    return lifecycle.why.cause if lifecycle.why else claim.reason


def _why_empty(request: HttpRequest, parameters: Parameters) -> dict[str, Any]:
    """What an empty list should say: no claim was ever seen, it lies outside the range, or the filters hide it."""
    everywhere: ClaimFilter = replace(parameters.claims, from_ns=None, to_ns=None)
    newest = questions.claims(everywhere).first()
    if newest is None and not Claim.objects.exists():
        return {
            "empty": "never",
            "watching": standing(watcher.state),
            "endpoint": http_endpoint(host_of(request)),
        }
    given = without(request, parameters, FILTERS)
    if parameters.longest_first and questions.claims(parameters.claims).exists():
        return {"empty": "order"}
    if newest is not None and parameters.cursor is None:
        return given | elsewhere(newest.zero_ns, f"{newest.name or '(no name)'}, {newest.state}")
    return given | {"empty": "end" if parameters.cursor else "filtered"}
