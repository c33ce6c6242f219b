"""Whose a hint is: the claim it names, or a name we know no claim of.

Before: `hints` wrote what telemetry says. After: `binding` spreads a trace's keys over its spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sandboxes.correlate.claims import GENERATED_NAME, ClaimFacts, Claims, meant_at
from sandboxes.hints import HintKind
from sandboxes.records import MS, SECOND

# An owner that is no claim we know: a name of another cluster, of a claim that came to nothing, or not heard of yet.
FOREIGN = "?"


class Evidence(StrEnum):
    """What shows that a span is a claim's; the surest first."""

    ANNOTATION = "annotation"
    ATTRIBUTE = "attribute"
    URL = "url"
    LOG = "log"
    SANDBOX = "sandbox"
    SUBTREE = "subtree"
    TIME = "time"


EVIDENCE = {
    HintKind.ANNOTATION: Evidence.ANNOTATION,
    HintKind.CLAIM_ATTRIBUTE: Evidence.ATTRIBUTE,
    HintKind.CLAIM_URL: Evidence.URL,
    HintKind.CLAIM_LOG: Evidence.LOG,
    HintKind.CREATE_LOG: Evidence.LOG,
    HintKind.SANDBOX_URL: Evidence.SANDBOX,
    HintKind.SANDBOX_HEADER: Evidence.SANDBOX,
    HintKind.SANDBOX_ATTRIBUTE: Evidence.SANDBOX,
    HintKind.SANDBOX_LOG: Evidence.SANDBOX,
    HintKind.TUNNEL_START: Evidence.SANDBOX,
    HintKind.RECONCILE: Evidence.SANDBOX,
}
LOGS = frozenset({HintKind.CLAIM_LOG, HintKind.CREATE_LOG, HintKind.SANDBOX_LOG, HintKind.TUNNEL_START})
TO_STAMP_NS = 250 * MS  # from the log line to the stamp on the claim; it is microseconds unless threads wait
ORDER = {evidence: number for number, evidence in enumerate(Evidence)}


# How sure a link is. A span has at most one that is exact or inferred.
EXACT, INFERRED, AMBIGUOUS = "exact", "inferred", "ambiguous"


class LinkRow(NamedTuple):
    """A row of sandboxes_link."""

    claim_uid: str
    trace_id: str
    span_id: str
    evidence: str
    certainty: str


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """A span, for those who look for its claim."""

    span_id: str
    parent_span_id: str | None
    start_ns: int
    end_ns: int
    resource_id: int
    of_sdk: bool = False  # made by the SDK or for it, about one claim: what its children say holds for it


@dataclass(frozen=True, slots=True)
class HintFacts:
    """A hint as it was written."""

    kind: HintKind
    value: str
    namespace: str
    trace_id: str
    span_id: str
    time_ns: int
    resource_id: int | None


@dataclass(frozen=True, slots=True)
class Key:
    """A hint's answer. `owner` is a claim's uid, or begins with FOREIGN."""

    span_id: str
    owner: str
    evidence: Evidence
    of_log: bool = False
    reaches: bool = True  # what the span caused is the owner's too

    @property
    def known(self) -> bool:
        return not self.owner.startswith(FOREIGN)


def key_of(hint: HintFacts, span: SpanFacts | None, claims: Claims) -> Key | None:
    """The key in a hint; None for hints that name nothing."""
    evidence = EVIDENCE.get(hint.kind)
    if evidence is None:
        return None
    claim = _claim_of(hint, span, claims)
    place = "sandbox" if evidence == Evidence.SANDBOX else "claim"
    owner = claim.uid if claim else f"{FOREIGN}{place} {hint.namespace}/{hint.value}"
    # A controller looks after a sandbox for its own reasons, before a claim has it and after: its span says whose the
    # sandbox is, and no more.
    return Key(hint.span_id, owner, evidence, hint.kind in LOGS, hint.kind != HintKind.RECONCILE)


def _claim_of(hint: HintFacts, span: SpanFacts | None, claims: Claims) -> ClaimFacts | None:
    if hint.kind == HintKind.ANNOTATION:
        return claims.by_uid(hint.value)
    if EVIDENCE[hint.kind] == Evidence.SANDBOX:
        holding = claims.holding(hint.namespace, hint.value)
        # The name of a pool's sandbox is made up for it: what was done to it before the claim came is the claim's too.
        made_up = all(claim.sandbox == hint.value != claim.name for claim in holding)
        return meant_at(holding, hint.time_ns, only_ever=made_up or _is_generated(hint.value))
    named = claims.named(hint.namespace, hint.value)
    if hint.kind in (HintKind.CLAIM_ATTRIBUTE, HintKind.CREATE_LOG):
        made = [claim for claim in named if _made_by(claim, hint, span)]
        return made[0] if len(made) == 1 else None
    return meant_at(named, hint.time_ns, only_ever=_is_generated(hint.value))


def _is_generated(name: str) -> bool:
    return GENERATED_NAME.fullmatch(name) is not None


def _made_by(claim: ClaimFacts, hint: HintFacts, span: SpanFacts | None) -> bool:
    """Whether the span or log that makes a claim of this name made this one.

    A second claim of a name in use is refused (409), and its span carries the name of the first.
    """
    if _is_generated(claim.name):
        return True
    in_sdk_span = span is not None and span.of_sdk
    if in_sdk_span and claim.trace_id:
        # The SDK stamps the claim with the trace of this very span.
        return claim.trace_id == hint.trace_id and claim.span_id in ("", hint.span_id)
    if claim.requested_ns is None:
        return claim.created_ns is not None and abs(claim.created_ns - hint.time_ns) <= 2 * SECOND
    if span is not None and in_sdk_span:
        return span.start_ns <= claim.requested_ns <= span.end_ns
    return -5 * MS <= claim.requested_ns - hint.time_ns <= TO_STAMP_NS
