"""Which traces have to be looked at again, for new hints and changed claims.

Before: `hints` and `store` wrote. After: `Correlator` decides about these traces.

A name in a new hint is about its own trace; what it tells of its claim and program is also about calls without a name
in the same time. A changed claim is about every trace that names it, and about calls while it was open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from collector.sql import is_sqlite
from sandboxes.correlate.claims import ClaimFacts, facts_of
from sandboxes.correlate.keys import EXACT, INFERRED, Evidence, HintFacts
from sandboxes.correlate.nameless import NAMING_CLAIM, NAMING_SANDBOX, NEAR_NS, TUNNELS
from sandboxes.correlate.reading import hint_facts
from sandboxes.hints import HintKind
from sandboxes.models import Claim, Hint, Link

MAX_HINTS = 2_000  # a step
OVERLAP = 2_000  # ids: more than receivers write at a time
MAX_CLAIMS = 200
LATE_NS = 10 * 10**9  # a change may be committed so long after it was dated
MOST_LATE = 2_000  # looked at a step
MAX_REOPENED = 2_000  # traces by one name, or in one stretch of time
MAX_STRETCHES = 200
REMEMBERED = 20_000
MAX_TIME_NS = 2**63 - 1
CALL_KINDS = (HintKind.COMMAND, HintKind.CALL)


@dataclass
class News:
    """What came since the last step, and how far the reader will have come with it."""

    hints: list[HintFacts] = field(default_factory=list)
    claims: list[ClaimFacts] = field(default_factory=list)
    hint_position: int = 0
    claim_position: int = 0
    hint_ids: Sequence[int] = ()
    changes: dict[int, int] = field(default_factory=dict)  # by claim, those that were read: when it was changed

    def __bool__(self) -> bool:
        return bool(self.hints or self.claims)


class Remembered:
    """What was decided by: claims as they were, so that a change of no consequence re-opens nothing, and late hints."""

    def __init__(self) -> None:
        self._facts: dict[str, ClaimFacts] = {}
        self._hints: set[int] = set()  # of the last OVERLAP ids those that were read
        self._changes: dict[int, int] = {}  # of the last LATE_NS those that were read

    def differing(self, claims: Iterable[ClaimFacts]) -> list[ClaimFacts]:
        """Those that are not as we remember them."""
        return [claim for claim in claims if self._facts.get(claim.uid) != claim]

    def unread(self, position: int) -> list[int]:
        """The ids of the next hints, and of earlier ones that were committed after later ones.

        With several receivers on PostgreSQL ids are given before the commit, so that one may come late.
        """
        from_id = position if is_sqlite() else position - OVERLAP
        ids = Hint.objects.filter(id__gt=from_id).order_by("id").values_list("id", flat=True)
        return [each for each in ids[: MAX_HINTS + OVERLAP] if each not in self._hints][:MAX_HINTS]

    def late(self, position: int) -> list[Claim]:
        """Claims that changed before this, and were committed after it had been reached.

        With several processes on PostgreSQL each dates its changes before the commit.
        """
        if is_sqlite():
            return []
        changes = Claim.objects.filter(changed_ns__gt=position - LATE_NS, changed_ns__lte=position)
        newest = changes.order_by("-changed_ns").values_list("pk", "changed_ns")[:MOST_LATE]
        unread = [pk for pk, changed_ns in newest if self._changes.get(pk) != changed_ns]
        return list(Claim.objects.filter(pk__in=unread[:MAX_CLAIMS])) if unread else []

    def take(self, news: News) -> None:
        """Remembers these; forgets all claims when it is too much."""
        if len(self._facts) > REMEMBERED:
            self._facts.clear()
        self._facts.update({claim.uid: claim for claim in news.claims})
        self._hints.update(news.hint_ids)
        self._hints = {each for each in self._hints if each > news.hint_position - OVERLAP}
        changes = (self._changes | news.changes).items()
        self._changes = {pk: changed_ns for pk, changed_ns in changes if changed_ns > news.claim_position - LATE_NS}


def read_news(hint_position: int, claim_position: int, remembered: Remembered) -> News:
    """The next hints and changed claims behind these positions."""
    ids = remembered.unread(hint_position)
    hints = list(Hint.objects.filter(id__in=ids).order_by("id"))
    rows = list(changed_claims(claim_position)[:MAX_CLAIMS])
    every = [*remembered.late(claim_position), *rows]
    return News(
        [hint_facts(row) for row in hints],
        remembered.differing(map(facts_of, every)),
        max(ids[-1], hint_position) if ids else hint_position,
        rows[-1].changed_ns if rows else claim_position,
        ids,
        {row.pk: row.changed_ns for row in every},
    )


def changed_claims(position: int) -> QuerySet[Claim]:
    """What has changed behind this position, in that order."""
    return Claim.objects.filter(changed_ns__gt=position).order_by("changed_ns")


def named_traces(news: News) -> set[str]:
    """The traces of the hints, those that name the claims, and those the claims name."""
    traces = {hint.trace_id for hint in news.hints}
    traces.update(trace_id for claim in news.claims for trace_id, _ in claim.traces)
    names = {name for claim in news.claims for name in (claim.name, claim.sandbox)} - {""}
    if names:
        kinds = [
            kind for kind in HintKind if kind not in (HintKind.CREATE, *CALL_KINDS, HintKind.TUNNEL, HintKind.MORE)
        ]
        rows = Hint.objects.filter(kind__in=kinds, value__in=names, trace_id__isnull=False).order_by("-id")
        traces.update(row.trace_id for row in rows.only("trace_id")[:MAX_REOPENED])
    return traces - {""}


def timed_traces(news: News) -> set[str]:
    """The traces with calls that name nothing, which the news may be about."""
    stretches = _stretches(news)
    traces: set[str] = set()
    for position in range(0, len(stretches), MAX_STRETCHES):
        which = Q()
        for stretch in stretches[position : position + MAX_STRETCHES]:
            which |= stretch
        rows = Hint.objects.filter(which, trace_id__isnull=False).order_by("-id")
        traces.update(row.trace_id for row in rows.only("trace_id")[:MAX_REOPENED])
    return _open(traces)


def _open(traces: set[str]) -> set[str]:
    """Without those that names have decided: no time can say otherwise. They are most, and claims change often."""
    ordered = sorted(traces)
    decided: set[str] = set()
    by_time: set[str] = set()
    for position in range(0, len(ordered), MAX_STRETCHES):
        rows = Link.objects.filter(trace_id__in=ordered[position : position + MAX_STRETCHES])
        for row in rows.only("trace_id", "evidence", "certainty"):
            if row.evidence == Evidence.TIME or (row.evidence == Evidence.LOG and row.certainty == INFERRED):
                by_time.add(row.trace_id)
            elif row.certainty == EXACT:
                decided.add(row.trace_id)
    return traces - (decided - by_time)


def _stretches(news: News) -> list[Q]:
    """Conditions on hints: calls after a claim began, POSTs near its beginning, both near what names it.

    Stretches of time that overlap are one: claims that are open at a time mostly are open together.
    """
    begun = [(claim.begin_ns, MAX_TIME_NS if claim.ended_ns is None else claim.ended_ns) for claim in news.claims]
    posts = [(claim.begin_ns - NEAR_NS, claim.begin_ns + NEAR_NS) for claim in news.claims]
    found = [Q(kind__in=CALL_KINDS, time_ns__range=stretch) for stretch in _joined(begun)]
    for resource_id, hints in _by_resource(news.hints).items():
        first_ns, last_ns = min(hint.time_ns for hint in hints), max(hint.time_ns for hint in hints)
        found.append(Q(kind__in=CALL_KINDS, time_ns__gte=first_ns, resource_id=resource_id))
        posts.append((first_ns - NEAR_NS, last_ns + NEAR_NS))
    return found + [Q(kind=HintKind.CREATE, time_ns__range=stretch) for stretch in _joined(posts)]


def _joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches of time, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for first_ns, last_ns in sorted(stretches):
        if joined and first_ns <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last_ns)
        else:
            joined.append((first_ns, last_ns))
    return joined


def _by_resource(hints: Collection[HintFacts]) -> dict[int | None, list[HintFacts]]:
    """The hints that may decide about others, by the program they are of."""
    telling = {*NAMING_CLAIM, *NAMING_SANDBOX, *TUNNELS, HintKind.CREATE, HintKind.COMMAND}
    found: dict[int | None, list[HintFacts]] = {}
    for hint in hints:
        if hint.kind in telling:
            found.setdefault(hint.resource_id, []).append(hint)
    return found
