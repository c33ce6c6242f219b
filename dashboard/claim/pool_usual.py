"""What is usual in a claim's pool: how long starts take there, in all and by stage.

Before: the claims of the pool as `sandboxes.questions` finds them. After: the claim's page says how this one compares.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sandboxes import questions
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim

MOST_DOTS = 200  # newest claims on the strip
FEWEST = 3  # claims of the same kind of start that make a usual
ROOM = 1.25  # left and right of the outermost dots, as a factor


@dataclass(frozen=True, slots=True)
class Start:
    """Another claim's start on the strip."""

    uid: str
    x: float
    start_type: str
    ns: int


@dataclass(frozen=True, slots=True)
class Median:
    """The median of one kind of start."""

    x: float
    start_type: str
    ns: int


@dataclass(frozen=True, slots=True)
class Usual:
    """The strip's dots, its medians, this claim's place, and each stage's median."""

    starts: list[Start]
    medians: list[Median]
    x: float | None  # this claim's
    rank: int  # 1: the fastest of its kind
    of: int
    stages_ns: Mapping[str, int]


def usual(claim: Claim) -> Usual:
    """Compares a claim with the newest of its pool."""
    columns = ("uid", "start_type", "time_to_ready_ns")
    found = list(questions.siblings(claim).values_list(*columns)[:MOST_DOTS]) if claim.pool else []
    by_type: dict[str, list[int]] = defaultdict(list)
    for _, start_type, ns in found:
        by_type[start_type].append(ns)
    own_ns = claim.time_to_ready_ns
    scale = _Scale([ns for kind in by_type.values() for ns in kind])
    alike = sorted(by_type.get(claim.start_type, []))
    medians = [
        Median(scale.at(middle(values)), start_type, middle(values))
        for start_type, values in by_type.items()
        if len(values) >= FEWEST
    ]
    return Usual(
        starts=[Start(uid, scale.at(ns), start_type, ns) for uid, start_type, ns in found],
        medians=medians,
        x=None if own_ns is None else scale.at(own_ns),
        rank=0 if own_ns is None else sum(ns < own_ns for ns in alike) + 1,
        of=len(alike) if len(alike) >= FEWEST else 0,
        stages_ns=_stages(claim) if len(alike) >= FEWEST else {},
    )


def _stages(claim: Claim) -> dict[str, int]:
    alike = questions.siblings(claim).filter(start_type=claim.start_type).values_list("lifecycle", flat=True)
    lengths: dict[str, list[int]] = defaultdict(list)
    for lifecycle in alike[: questions.USUAL_CLAIMS]:
        for stage in from_json(lifecycle).stages:
            if not stage.pre_warmed:
                lengths[stage.name].append(stage.duration_ns)
    return {name: middle(values) for name, values in lengths.items()}


def middle(values: list[int]) -> int:
    """The median; of an even number the lower one, which somebody really had."""
    return sorted(values)[(len(values) - 1) // 2]


class _Scale:
    """A logarithmic line in percent, with some room at both ends."""

    def __init__(self, values_ns: list[int]) -> None:
        self.low = math.log(max(min(values_ns, default=1), 1) / ROOM)
        self.high = math.log(max(max(values_ns, default=1), 1) * ROOM)

    def at(self, ns: int) -> float:
        share = (math.log(max(ns, 1)) - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)
