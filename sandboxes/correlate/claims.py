"""What of a claim tells whose a span is: its names, its times, the trace its annotation names.

Before: `store` wrote the claims. After: `keys` finds a hint's claim among them.

A name may be used again after its claim is deleted, and pools of two clusters may be called alike; a uid is never
used twice. Where several claims have a name, the time decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sandboxes.lifecycle import moment_in
from sandboxes.models import Claim
from sandboxes.records import SECOND, Milestone, Moment, State

TRACEPARENT = re.compile(r"\b[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\b")
GENERATED_NAME = re.compile(r"sandbox-claim-[0-9a-f]{8}")
MAX_OPEN = 64  # more claims open at a time than anybody could choose among
MAX_OF_A_NAME = 200

# A client's clock may be off the cluster's by this much before a name's only claim is not believed to be meant.
SKEW_NS = 60 * SECOND
# How long after a claim's end a client may still ask for it: by a name that may mean another by then, hardly at all.
AFTER_END_NS = 600 * SECOND
AFTER_END_REUSABLE_NS = SECOND // 10


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """A claim, for those who look for its spans."""

    uid: str
    namespace: str
    name: str
    sandbox: str
    zero_ns: int
    requested_ns: int | None  # by the client's clock, as spans are
    created_ns: int | None
    ended_ns: int | None  # at the latest
    trace_id: str
    span_id: str
    pod_ips: tuple[str, ...]
    other_traces: tuple[tuple[str, str], ...] = ()  # trace and span, of annotations that were written over this one
    reported: bool = False  # by telemetry alone

    @property
    def begin_ns(self) -> int:
        """When its name began to mean it."""
        return self.zero_ns if self.requested_ns is None else self.requested_ns

    @property
    def traces(self) -> list[tuple[str, str]]:
        """The traces its annotations named, and the span in each."""
        return [
            (trace_id, span_id) for trace_id, span_id in ((self.trace_id, self.span_id), *self.other_traces) if trace_id
        ]

    def open_at(self, time_ns: int) -> bool:
        """Whether it had begun and not ended."""
        return self.begin_ns <= time_ns and (self.ended_ns is None or time_ns <= self.ended_ns)


def facts_of(row: Claim) -> ClaimFacts:
    """The facts in a claim's row."""
    story = row.lifecycle
    requested, deleted = (moment_in(story, each) for each in (Milestone.REQUESTED, Milestone.DELETED))
    context = TRACEPARENT.search(story["trace_context"][:1_000])
    others = (TRACEPARENT.search(text[:1_000]) for text in story.get("other_contexts", ()))
    return ClaimFacts(
        uid=row.uid,
        namespace=row.namespace,
        name=row.name,
        sandbox=row.sandbox,
        zero_ns=row.zero_ns,
        requested_ns=requested.time_ns if requested else None,
        created_ns=row.created_ns,
        ended_ns=_ended_ns(row, deleted),
        trace_id=context[1] if context else "",
        span_id=context[2] if context else "",
        pod_ips=tuple(story["pod_ips"]),
        other_traces=tuple((other[1], other[2]) for other in others if other),
        reported=row.cluster_id is None,
    )


def _ended_ns(row: Claim, deleted: Moment | None) -> int | None:
    """A claim that telemetry says could not be made was never open."""
    if row.cluster_id is None and row.state == State.FAILED:
        return row.zero_ns
    return deleted.upper_ns if deleted else row.deleted_ns


def _told(claims: list[ClaimFacts]) -> list[ClaimFacts]:
    """Without those that telemetry alone reported, where a cluster has told of one."""
    return [claim for claim in claims if not claim.reported] or claims


class Claims:
    """The claims that a group of traces may be about, each read once."""

    def __init__(self) -> None:
        self._by_uid: dict[str, ClaimFacts] = {}
        self._names: dict[str, list[ClaimFacts]] = defaultdict(list)
        self._asked: set[str] = set()
        self._open: dict[int, tuple[list[ClaimFacts], bool]] = {}
        self._once_open: dict[str, ClaimFacts] = {}

    def read_named(self, names: Iterable[str]) -> None:
        """Reads all claims that have, or whose sandboxes have, one of these names."""
        new = sorted(set(names) - self._asked - {""})
        self._asked.update(new)
        for position in range(0, len(new), 200):
            part = new[position : position + 200]
            named = Claim.objects.filter(name__in=part).order_by("-zero_ns")[: 10 * MAX_OF_A_NAME]
            holding = Claim.objects.filter(sandbox__in=part).order_by("-zero_ns")[: 10 * MAX_OF_A_NAME]
            for row in {row.pk: row for row in (*named, *holding)}.values():
                self._take(facts_of(row))

    def read_uids(self, uids: Collection[str]) -> None:
        """Reads claims by uid."""
        for row in Claim.objects.filter(uid__in=[uid for uid in uids if uid not in self._by_uid]):
            self._take(facts_of(row))

    def by_uid(self, uid: str) -> ClaimFacts | None:
        """A claim that was read."""
        return self._by_uid.get(uid)

    def named(self, namespace: str, name: str) -> list[ClaimFacts]:
        """The claims of this name; in any namespace, when that is not known."""
        return _told([c for c in self._names[name] if c.name == name and namespace in ("", c.namespace)])

    def holding(self, namespace: str, sandbox: str) -> list[ClaimFacts]:
        """The claims served by a sandbox of this name. A cold one is named as its claim is, before that is known."""
        found = [
            claim
            for claim in self._names[sandbox]
            if namespace in ("", claim.namespace) and sandbox == (claim.sandbox or claim.name)
        ]
        return _told(found)

    def open_at(self, time_ns: int) -> list[ClaimFacts]:
        """The claims that had begun and not ended, the newest first; not all of them when it was crowded."""
        return self._open_at(time_ns)[0]

    def crowded_at(self, time_ns: int) -> bool:
        """Whether more claims were open than anybody could choose among."""
        return self._open_at(time_ns)[1]

    def _open_at(self, time_ns: int) -> tuple[list[ClaimFacts], bool]:
        if time_ns not in self._open:
            begun = Claim.objects.filter(zero_ns__lte=time_ns)
            rows = begun.filter(deleted_ns__isnull=True) | begun.filter(deleted_ns__gte=time_ns - SKEW_NS)
            uids = rows.order_by("-zero_ns").values_list("uid", flat=True)[: 4 * MAX_OPEN]
            read = self._read_open(list(uids))
            found = [claim for claim in read if claim.open_at(time_ns)]
            self._open[time_ns] = found[:MAX_OPEN], len(found) > MAX_OPEN or len(read) == 4 * MAX_OPEN
        return self._open[time_ns]

    def _read_open(self, uids: Sequence[str]) -> list[ClaimFacts]:
        """Each claim's story once, however many calls were made while it was open: in a run of tests, hundreds."""
        unread = [uid for uid in uids if uid not in self._once_open]
        self._once_open.update({row.uid: facts_of(row) for row in Claim.objects.filter(uid__in=unread)})
        return [self._once_open[uid] for uid in uids if uid in self._once_open]

    def made_between(self, namespace: str, from_ns: int, until_ns: int, most: int) -> list[ClaimFacts]:
        """The claims of a namespace that began in a span of time."""
        rows = Claim.objects.filter(namespace=namespace, zero_ns__range=(from_ns, until_ns))
        return [facts_of(row) for row in rows.order_by("zero_ns", "uid")[:most]]

    def _take(self, claim: ClaimFacts) -> None:
        if claim.uid not in self._by_uid:
            self._by_uid[claim.uid] = claim
            for name in {claim.name, claim.sandbox} - {""}:
                self._names[name].append(claim)


def meant_at(claims: Collection[ClaimFacts], time_ns: int, *, only_ever: bool) -> ClaimFacts | None:
    """The one of a name's claims that was meant at a time; None when none was.

    `only_ever`: the name is of a kind that is not used again, so that its only claim is meant whenever.
    """
    if len(claims) == 1 and only_ever:
        return next(iter(claims))
    # To the client's clock, which the request was stamped by, there is no skew.
    slack_ns = SKEW_NS if len(claims) == 1 else 0
    begun = [c for c in claims if c.begin_ns - (slack_ns if c.requested_ns is None else 0) <= time_ns]
    claim = max(begun, key=lambda c: c.begin_ns, default=None)
    after_ns = AFTER_END_NS if only_ever else AFTER_END_REUSABLE_NS
    if claim is None or (claim.ended_ns is not None and time_ns > claim.ended_ns + after_ns):
        return None
    same = [c for c in begun if c.begin_ns == claim.begin_ns]
    return claim if len(same) == 1 else None
