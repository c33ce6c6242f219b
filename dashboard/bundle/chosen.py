"""What goes into a bundle.

Before: /export/KIND.bundle or `manage.py bundle KIND` with the parameters of the pages. After: `packed` reads
and writes it.

What belongs together goes together: with a trace the claims its spans belong to, since their names are in it; with a
claim its traces whole, and the other claims in them, without which what is shared would be told to be the one's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import QueryDict

from collector import queries
from collector.models import Log, Span
from collector.telemetry_filter import TelemetryFilter
from dashboard.parameters import (
    CLAIM_NAMES,
    PAGING_NAMES,
    RUN_NAMES,
    TIME_NAMES,
    TRACE_NAMES,
    ParameterError,
    Parameters,
    parse,
)
from sandboxes import questions
from sandboxes.models import Claim, Link, RunSandbox
from sandboxes.questions import ClaimFilter
from sandboxes.runs import questions as run_questions

MOST = 100_000  # traces or claims named one by one; beyond it a range of time is the better choice
NO_LIMIT = 2**63 - 1
TOGETHER = 500


@dataclass(frozen=True)
class Chosen:
    """Which traces, claims and runs; `everything` is all telemetry and all claims of a range beside them."""

    what: str
    of: str = ""
    traces: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)  # uids
    runs: list[str] = field(default_factory=list)  # uids
    everything: TelemetryFilter | None = None

    @property
    def file_name(self) -> str:
        of = "".join(character if character.isalnum() or character in "-_." else "-" for character in self.of)[:80]
        return f"{self.what}-{of}.bundle.jsonl.gz" if of else f"{self.what}.bundle.jsonl.gz"


def choose(kind: str, query: QueryDict) -> Chosen:
    """What a bundle of this kind holds. Raises ParameterError."""
    names, chooser = KINDS[kind]
    return chooser(parse(query, names, "all", default_limit=NO_LIMIT, max_limit=NO_LIMIT))


def _trace(parameters: Parameters) -> Chosen:
    trace_id = parameters.filter.trace_id
    if not trace_id:
        raise ParameterError({"trace_id": "Say which trace: trace_id=... with its 32 hexadecimal digits."})
    if not any(model.objects.filter(trace_id=trace_id).exists() for model in (Span, Log)):
        raise ParameterError({"trace_id": f"Nothing of the trace {trace_id} is here."})
    return Chosen("trace", trace_id, traces=[trace_id], claims=_claims_in([trace_id]))


def _claim(parameters: Parameters) -> Chosen:
    claim = parameters.claims.claim
    uids = list(questions.claims(ClaimFilter(claim=claim)).values_list("uid", flat=True)[:MOST]) if claim else []
    if not uids:
        raise ParameterError({"claim": "Say which claim: claim=... with a name or uid that is among the claims."})
    return _with_traces(Chosen("claim", claim, claims=uids))


def _run(parameters: Parameters) -> Chosen:
    run = run_questions.run_of(parameters.claims.run)
    if run is None:
        raise ParameterError({"run": "Say which run: run=... with the id that is in its page's address."})
    return _of_runs("run", run.uid, [run.uid])


def _runs(parameters: Parameters) -> Chosen:
    found = run_questions.runs(parameters.claims).values_list("uid", flat=True)
    return _of_runs("runs", "", _few(found[: MOST + 1], "runs"))


def _of_runs(what: str, of: str, runs: list[str]) -> Chosen:
    """Runs with their claims, and the traces of their sandboxes, of claims that were never made too."""
    claims: dict[str, None] = {}
    traces: dict[str, None] = {}
    for part in _portions(runs):
        rows = RunSandbox.objects.filter(run__uid__in=part)
        claims |= dict.fromkeys(Claim.objects.filter(name__in=rows.values("claim")).values_list("uid", flat=True))
        in_order = rows.order_by("run", "number").only("trace_id")
        traces |= dict.fromkeys(row.trace_id for row in in_order if row.trace_id)
    return _with_traces(Chosen(what, of, traces=list(traces), claims=list(claims), runs=runs))


def _traces(parameters: Parameters) -> Chosen:
    found = queries.traces(replace(parameters.filter, most_looked_at=None)).prefetch_related(None)
    traces = _few(found.values_list("trace_id", flat=True)[: MOST + 1], "traces")
    return Chosen("traces", traces=traces, claims=_claims_in(traces))


def _claims(parameters: Parameters) -> Chosen:
    found = questions.claims(parameters.claims).prefetch_related(None)
    return _with_traces(Chosen("claims", claims=_few(found.values_list("uid", flat=True)[: MOST + 1], "claims")))


def _range(parameters: Parameters) -> Chosen:
    found = questions.claims(parameters.claims).prefetch_related(None)
    claims = _few(found.values_list("uid", flat=True)[: MOST + 1], "claims")
    runs = list(run_questions.runs(parameters.claims).order_by("id").values_list("uid", flat=True))
    return Chosen("range", parameters.range, claims=claims, runs=runs, everything=parameters.filter)


def _few(found: Iterable[Any], noun: str) -> list[str]:
    ids: list[str] = list(found)
    if len(ids) > MOST:
        raise ParameterError({"range": f"More than {MOST:,} {noun}: choose a shorter range."})
    return ids


def _with_traces(chosen: Chosen) -> Chosen:
    """With the traces of these claims, and the other claims in those: one step, not all that hangs together."""
    traces = dict.fromkeys(chosen.traces)
    for part in _portions(chosen.claims):
        linked = Link.objects.filter(claim_uid__in=part).order_by("id").only("trace_id")
        traces |= dict.fromkeys(link.trace_id for link in linked)
    claims = dict.fromkeys([*chosen.claims, *_claims_in(list(traces))])
    return replace(chosen, traces=list(traces), claims=list(claims))


def _claims_in(traces: list[str]) -> list[str]:
    """The claims that spans of these traces belong, or may belong, to."""
    found: dict[str, None] = {}
    for part in _portions(traces):
        linked = Link.objects.filter(trace_id__in=part).order_by("id").values_list("claim_uid", flat=True)
        found |= dict.fromkeys(linked)
    return list(found)


def _portions(ids: list[str]) -> list[list[str]]:
    return [ids[position : position + TOGETHER] for position in range(0, len(ids), TOGETHER)]


KINDS: dict[str, tuple[frozenset[str], Callable[[Parameters], Chosen]]] = {
    "trace": (frozenset({"trace_id"}), _trace),
    "claim": (frozenset({"claim"}), _claim),
    "run": (frozenset({"run"}), _run),
    "traces": (TRACE_NAMES - PAGING_NAMES, _traces),
    "claims": (CLAIM_NAMES - PAGING_NAMES, _claims),
    "runs": (RUN_NAMES - PAGING_NAMES, _runs),
    "range": (TIME_NAMES, _range),
}
