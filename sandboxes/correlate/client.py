"""What only telemetry knows of a claim: when its client had it, and when it sent the first command.

Before: links say which spans are a claim's. After: `store.add_client` puts the two moments into the claim's story.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.db.models import Q

from collector.models import Span
from sandboxes.correlate.claims import ClaimFacts, facts_of
from sandboxes.correlate.keys import AMBIGUOUS
from sandboxes.hints import COMMAND_PATH, KIND_CLIENT, MAX_URL_CHARS, URL_ATTRIBUTES, HintKind
from sandboxes.models import Claim, Hint, Link
from sandboxes.records import Clock, Milestone, Moment

KIND_INTERNAL = 1
STATUS_ERROR = 2
WAITS = (".wait_for_claim_ready", ".wait_for_sandbox_ready")
MAX_SPANS = 5_000

Moments = tuple[Moment | None, Moment | None]  # client ready, first command


@dataclass
class _Seen:
    """What the spans and logs of one claim show."""

    waits: list[Moment] = field(default_factory=list)
    logs: list[Moment] = field(default_factory=list)
    commands: list[Moment] = field(default_factory=list)  # as sent
    calls: list[Moment] = field(default_factory=list)  # as the SDK began them

    @property
    def moments(self) -> Moments:
        ready = min(self.waits or self.logs, key=_time, default=None)
        return ready, min(self.commands or self.calls, key=_time, default=None)


def client_moments(uids: Collection[str]) -> dict[str, Moments]:
    """The moments of these claims, where they are known and differ from what their stories hold."""
    seen: dict[str, _Seen] = defaultdict(_Seen)
    for uid, span in _spans_of(uids):
        _take_span(seen[uid], span)
    if not seen and not Hint.objects.filter(kind=HintKind.SANDBOX_LOG).exists():
        return {}  # the first list of a cluster, ten thousand claims perhaps
    rows = {row.uid: row for row in Claim.objects.filter(uid__in=list(uids))}
    _take_logs(seen, [facts_of(row) for row in rows.values()])
    return {uid: found.moments for uid, found in seen.items() if uid in rows and _is_new(rows[uid], found.moments)}


def _spans_of(uids: Collection[str]) -> Iterable[tuple[str, Span]]:
    links = Link.objects.filter(claim_uid__in=list(uids)).exclude(certainty=AMBIGUOUS)
    owners = {(trace, span): uid for trace, span, uid in links.values_list("trace_id", "span_id", "claim_uid")}
    traces = list({trace_id for trace_id, _ in owners})
    telling = Q(operation__kind=KIND_CLIENT) | Q(operation__kind=KIND_INTERNAL, operation__name__contains=".")
    spans = Span.objects.filter(telling, trace_id__in=traces).select_related("operation")
    for span in spans.order_by("start_ns")[:MAX_SPANS]:
        if uid := owners.get((span.trace_id, span.span_id)):
            yield uid, span


def _take_span(seen: _Seen, span: Span) -> None:
    name, kind = span.operation.name, span.operation.kind
    if kind == KIND_INTERNAL and name.endswith(WAITS) and span.status_code != STATUS_ERROR and span.duration_ns:
        seen.waits.append(_moment(Milestone.CLIENT_READY, span.start_ns + span.duration_ns, span, f"span {name}"))
    elif kind == KIND_INTERNAL and name.endswith(".run"):
        seen.calls.append(_moment(Milestone.FIRST_COMMAND, span.start_ns, span, f"span {name}"))
    elif kind == KIND_CLIENT and _sends_command(span):
        seen.commands.append(_moment(Milestone.FIRST_COMMAND, span.start_ns, span, f"span {name} /execute"))


def _sends_command(span: Span) -> bool:
    url = next((span.attributes[key] for key in URL_ATTRIBUTES if key in span.attributes), None)
    if not isinstance(url, str) or len(url) > MAX_URL_CHARS:
        return False
    try:
        return COMMAND_PATH.match(urlsplit(url).path) is not None
    except ValueError:
        return False


def _take_logs(seen: dict[str, _Seen], claims: Iterable[ClaimFacts]) -> None:
    """The SDK's line when it hears that a claim is ready, for programs whose waiting is not traced."""
    waiting = [claim for claim in claims if claim.sandbox and not seen[claim.uid].waits]
    lines: dict[str, list[int]] = defaultdict(list)
    said = Hint.objects.filter(kind=HintKind.SANDBOX_LOG, value__in={claim.sandbox for claim in waiting})
    for sandbox, time_ns in said.order_by("time_ns").values_list("value", "time_ns"):
        lines[sandbox].append(time_ns)
    for claim in waiting:
        first_ns = next((each for each in lines[claim.sandbox] if each >= claim.begin_ns), None)
        if first_ns is not None and claim.open_at(first_ns):
            source = "log Resolved sandbox name"
            moment = Moment(Milestone.CLIENT_READY, first_ns, first_ns, first_ns, Clock.CLIENT, 1, source)
            seen[claim.uid].logs.append(moment)


def _moment(milestone: Milestone, time_ns: int, span: Span, source: str) -> Moment:
    return Moment(milestone, time_ns, time_ns, time_ns, Clock.CLIENT, span.precision_ns, source[:200])


def _time(moment: Moment) -> int:
    return moment.time_ns


def _is_new(row: Claim, moments: Moments) -> bool:
    known = {moment["milestone"]: int(moment["time_ns"]) for moment in row.lifecycle["moments"]}
    return any(moment and known.get(moment.milestone.value) != moment.time_ns for moment in moments)
