"""What is usual in a claim's pool: how long starts take there, in all and by stage.

Before: the claims of the pool as `sandboxes.questions` finds them. After: the claim's page says how this one compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from collector.percentiles import nearest
from dashboard.axis import log_percent
from sandboxes import questions
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim

MOST_DOTS = 200  # newest claims on the strip
FEWEST = 3  # claims of the same kind of start that make a usual
WORDS_PERCENT = 45.0  # of the strip, for a median's words
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
    below: bool = False  # its words have no room beside the ones before


@dataclass(frozen=True, slots=True)
class Usual:
    """The strip's dots, its medians, this claim's place, and each stage's median."""

    starts: list[Start]
    medians: list[Median]
    x: float | None  # this claim's
    words: str  # how this start compares with others of its kind
    stages_ns: Mapping[str, int]


def usual(claim: Claim) -> Usual:
    """Compares a claim with the newest of its pool."""
    columns = ("uid", "start_type", "time_to_ready_ns")
    found = list(questions.siblings(claim).values_list(*columns)[:MOST_DOTS]) if claim.pool else []
    by_type: dict[str, list[int]] = defaultdict(list)
    for _, start_type, ns in found:
        by_type[start_type].append(ns)
    own_ns = claim.time_to_ready_ns
    lengths = [max(ns, 1) for kind in by_type.values() for ns in kind] or [1]
    at = partial(log_percent, low=min(lengths) / ROOM, high=max(lengths) * ROOM)
    alike = sorted(by_type.get(claim.start_type, []))
    middles = {kind: nearest(sorted(values), 0.5) for kind, values in by_type.items() if len(values) >= FEWEST}
    medians = [Median(at(ns), kind, ns) for kind, ns in middles.items()]
    return Usual(
        starts=[Start(uid, at(ns), start_type, ns) for uid, start_type, ns in found],
        medians=_apart(medians),
        x=None if own_ns is None else at(own_ns),
        words="" if own_ns is None or len(alike) < FEWEST else compared(own_ns, alike, claim.start_type),
        stages_ns=_stages(claim) if len(alike) >= FEWEST else {},
    )


def share_below(ns: int, others: Sequence[int]) -> float:
    """How many of the other starts were faster, 0 to 1; `others` holds this one as well."""
    return min(sum(other < ns for other in others) / max(len(others) - 1, 1), 1.0)


def compared(own_ns: int, alike: Sequence[int], start_type: str) -> str:
    """Slower than 93 % of 40 cold starts."""
    starts = f"{len(alike)} {start_type} starts"
    below = share_below(own_ns, alike)
    above = sum(ns > own_ns for ns in alike) / (len(alike) - 1)
    if below == 1:
        return f"the slowest of {starts} here"
    if above == 1:
        return f"the fastest of {starts} here"
    if below >= above:
        return f"slower than {int(100 * below)} % of {starts}"
    return f"faster than {int(100 * above)} % of {starts}"


def _apart(medians: list[Median]) -> list[Median]:
    """Two that are near each other stand one below the other."""
    found: list[Median] = []
    for median in sorted(medians, key=lambda one: one.x):
        near = bool(found) and not found[-1].below and median.x - found[-1].x < WORDS_PERCENT
        found.append(replace(median, below=near))
    return found


def _stages(claim: Claim) -> dict[str, int]:
    alike = questions.siblings(claim).filter(start_type=claim.start_type).values_list("lifecycle", flat=True)
    lengths: dict[str, list[int]] = defaultdict(list)
    for lifecycle in alike[: questions.USUAL_CLAIMS]:
        for stage in from_json(lifecycle).stages:
            if not stage.pre_warmed:
                lengths[stage.name].append(stage.duration_ns)
    return {name: nearest(sorted(values), 0.5) for name, values in lengths.items()}
