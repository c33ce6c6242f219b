"""Claims known from telemetry alone: no cluster is watched, or it had no time to hear of them.

Before: the SDK's own span, its log line or a URL of the API server named a claim that no cluster told of. After: it has
a row, joined as any other. When the cluster's own record comes, that takes its place.

A name that stands in any other span's attribute is not believed: programs may say what they like there.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from hashlib import blake2b

from collector.models import Span
from collector.writer import Committed
from sandboxes import rollup
from sandboxes.correlate.claims import ClaimFacts
from sandboxes.correlate.keys import HintFacts
from sandboxes.hints import HintKind
from sandboxes.lifecycle import to_json
from sandboxes.lifecycle.why.unmade import creation_failed
from sandboxes.models import Claim, Hint, Link
from sandboxes.records import Clock, Lifecycle, Milestone, Moment, State, Why

BELIEVED = (HintKind.CLAIM_ATTRIBUTE, HintKind.CREATE_LOG, HintKind.CLAIM_URL)
CREATES = ".create_claim"
UID_BEGINS = "reported-"  # of a claim that telemetry alone knows: its name came from there
STATUS_ERROR = 2
MAX_NAMES = 500  # a step, or a query
MAX_HINTS = 5_000


def report(hints: Iterable[HintFacts]) -> list[str]:
    """Makes rows for the claims these hints name and nobody knows; gives their uids. In the writer's transaction."""
    names = sorted({hint.value for hint in hints if hint.kind in BELIEVED})[:MAX_NAMES]
    known = set(Claim.objects.filter(name__in=names).values_list("name", flat=True))
    said: dict[str, list[Hint]] = defaultdict(list)
    rows = Hint.objects.filter(kind__in=BELIEVED, value__in=[name for name in names if name not in known])
    for row in rows.order_by("time_ns")[:MAX_HINTS]:
        said[row.value].append(row)
    claims = [claim for name, found in said.items() for claim in _claims(name, found)]
    Claim.objects.bulk_create(claims, ignore_conflicts=True)
    return [claim.uid for claim in claims]


def outdated(claims: Collection[ClaimFacts]) -> list[str]:
    """The uids of reported claims that a cluster has told of by now."""
    told: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        if not claim.reported:
            told[claim.name] |= {"", claim.namespace}
    names = sorted(told)
    uids: list[str] = []
    for position in range(0, len(names), MAX_NAMES):
        rows = Claim.objects.filter(name__in=names[position : position + MAX_NAMES], cluster__isnull=True)
        found = rows.values_list("uid", "namespace", "name")
        uids += [uid for uid, namespace, name in found if namespace in told[name]]
    return uids


def take_away(uids: Collection[str], committed: Committed) -> None:
    """Makes room for the cluster's own record. In the writer's transaction."""
    Link.objects.filter(claim_uid__in=uids).delete()
    rollup.change(map(rollup.measurements, Claim.objects.filter(uid__in=uids)), [])
    Claim.objects.filter(uid__in=uids).delete()
    committed.tell("claims", list(uids))


def _claims(name: str, hints: Collection[Hint]) -> list[Claim]:
    """One a namespace; when none is told, one without."""
    creation = _creation(hints)
    if creation is None and all(hint.kind == HintKind.CLAIM_ATTRIBUTE for hint in hints):
        return []
    namespaces = sorted({hint.namespace for hint in hints if hint.namespace}) or [""]
    return [_claim(name, namespace, hints, creation) for namespace in namespaces]


def _creation(hints: Iterable[Hint]) -> Span | None:
    """The SDK's span that made it, or tried to."""
    for hint in hints:
        if hint.kind == HintKind.CLAIM_ATTRIBUTE:
            spans = Span.objects.filter(trace_id=hint.trace_id, span_id=hint.span_id).select_related("operation")
            span = spans.first()
            if span and span.operation.name.endswith(CREATES):
                return span
    return None


def _claim(name: str, namespace: str, hints: Collection[Hint], creation: Span | None) -> Claim:
    uid = UID_BEGINS + blake2b(f"{namespace}/{name}".encode(), digest_size=12).hexdigest()
    first = next((hint for hint in hints if hint.kind != HintKind.CLAIM_URL), None)
    moments = {}
    if first is not None:
        source = f"span {creation.operation.name}" if creation else "log Creating SandboxClaim"
        moment = Moment(Milestone.REQUESTED, first.time_ns, first.time_ns, first.time_ns, Clock.CLIENT, 1, source[:200])
        moments = {Milestone.REQUESTED: moment}
    why = _why(creation) if creation is not None and creation.status_code == STATUS_ERROR else None
    state, reason = (State.FAILED, why.proof.message[:200]) if why and why.proof else (State.STARTING, "")
    lifecycle = Lifecycle(uid, namespace, name, state=state, reason=reason, moments=moments, why=why)
    known = {key: getattr(lifecycle, key) for key in ("pool", "template", "start_type", "sandbox", "pod", "node")}
    return Claim(
        cluster=None,
        uid=uid,
        namespace=namespace,
        name=name,
        state=state,
        reason=reason,
        cause=why.cause if why else "",
        zero_ns=lifecycle.zero_ns or min(hint.time_ns for hint in hints),
        clock="",
        lifecycle=to_json(lifecycle),
        changed_ns=time.time_ns(),
        **known,
    )


def _why(creation: Span) -> Why:
    end_ns = creation.start_ns + (creation.duration_ns or 0)
    return creation_failed(creation.operation.name[:200], creation.status_message or "", end_ns)
