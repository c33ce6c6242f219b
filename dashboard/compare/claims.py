"""Two claims' starts, stage by stage, on one scale.

Before: `views.compare` found both. After: the page's template.

A stage is known between two bounds. Where those of both claims overlap, the difference may be the clocks' alone: the
row says so instead of calling one of them slower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.axis import Tick, scale_ns, ticks
from dashboard.claim.mini_bar import MiniBar, length_ns, mini_bar
from sandboxes import questions, timeline
from sandboxes.lifecycle import STAGES, from_json
from sandboxes.models import Claim
from sandboxes.records import Lifecycle, Stage


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two."""

    claim: Claim
    lifecycle: Lifecycle
    bar: MiniBar
    why: str
    events: Mapping[str, str]  # those seen, with their message

    @property
    def precision_ns(self) -> int:
        """Of its time to ready."""
        return self.claim.time_to_ready_precision_ns or 1


@dataclass(frozen=True, slots=True)
class Row:
    """A stage in both; None where it was not passed. `sure`: the bounds of both do not overlap."""

    name: str
    owner: str
    a: Stage | None
    b: Stage | None
    difference_ns: int | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the page shows. `facts` are those that differ: name, in a, in b."""

    a: Side
    b: Side
    ticks: Sequence[Tick]
    ready_ns: int | None  # by how much b's time to ready is longer
    stages: Sequence[Row]
    facts: Sequence[tuple[str, str, str]]
    events_a: Sequence[tuple[str, str]]  # that a alone has
    events_b: Sequence[tuple[str, str]]

    @property
    def ready_precision_ns(self) -> int:
        """A difference is no better known than the worse of both."""
        return max(self.a.precision_ns, self.b.precision_ns)


def compare(a: Claim, b: Claim, now_ns: int) -> Comparison:
    """`b` against `a`."""
    stories = [from_json(claim.lifecycle) for claim in (a, b)]
    # The scale is the longer one's: two bars are compared, neither is an outlier.
    longest_ns = max(length_ns(one, now_ns) for one in stories)
    scale = scale_ns([longest_ns])
    left, right = (_side(claim, one, scale, now_ns) for claim, one in zip((a, b), stories, strict=True))
    ready = None
    if a.time_to_ready_ns is not None and b.time_to_ready_ns is not None:
        ready = b.time_to_ready_ns - a.time_to_ready_ns
    return Comparison(
        a=left,
        b=right,
        ticks=ticks(scale, most=6),
        ready_ns=ready,
        stages=_rows(*stories),
        facts=_facts(a, b),
        events_a=[(name, words) for name, words in left.events.items() if name not in right.events],
        events_b=[(name, words) for name, words in right.events.items() if name not in left.events],
    )


def find(text: str) -> Claim | None:
    """The claim of this uid, or the newest of this name."""
    return questions.claim_of(text) or Claim.objects.filter(name=text).order_by("-zero_ns", "-id").first()


def before(claim: Claim) -> Claim | None:
    """The start of the same kind in the same pool that came before."""
    if not claim.pool:
        return None
    alike = questions.siblings(claim).filter(start_type=claim.start_type, zero_ns__lt=claim.zero_ns)
    return alike.exclude(pk=claim.pk).first()


def _side(claim: Claim, lifecycle: Lifecycle, scale: int, now_ns: int) -> Side:
    rows = timeline.event_rows(questions.changes_around(claim))
    events = {f"{row.label} ({row.about})" if row.about else row.label: row.words for row in rows}
    why = lifecycle.why.sentence if lifecycle.why else claim.reason
    return Side(claim, lifecycle, mini_bar(lifecycle, scale, now_ns), why, events)


def _rows(a: Lifecycle, b: Lifecycle) -> list[Row]:
    """In the order of the stage table; the pool's own work, which no start waits for, is left out."""
    left, right = ({stage.name: stage for stage in one.stages if not stage.pre_warmed} for one in (a, b))
    rows = []
    for kind in STAGES:
        one, other = left.get(kind.name), right.get(kind.name)
        if one is None and other is None:
            continue
        difference = other.duration_ns - one.duration_ns if one and other else None
        sure = bool(one and other) and _apart(one, other)
        rows.append(Row(kind.name, str(kind.owner), one, other, difference, sure))
    return rows


def _apart(a: Stage | None, b: Stage | None) -> bool:
    return a is not None and b is not None and (a.upper_ns < b.lower_ns or b.upper_ns < a.lower_ns)


def _facts(a: Claim, b: Claim) -> list[tuple[str, str, str]]:
    names = ("state", "start_type", "namespace", "pool", "template", "node", "reason")
    found = [(name.replace("_type", ""), str(getattr(a, name)), str(getattr(b, name))) for name in names]
    return [(name, left, right) for name, left, right in found if left != right]
