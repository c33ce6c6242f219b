"""The stages of a start, in one table, and a claim's moments laid in that row. Plain Python.

Before: `sources` has the moments. After: `timeline` draws the stages, exports list them. docs/stages.md is this table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sandboxes.records import Clock, Milestone, Moment, Owner, Stage, StartType


@dataclass(frozen=True, slots=True)
class StageKind:
    """A row of the table. `start` is the usual one: when it is unknown, the stage begins at the last that is known."""

    name: str
    owner: Owner
    start: Milestone
    end: Milestone
    meaning: str


def _row(start: Milestone, end: Milestone, owner: Owner, meaning: str) -> StageKind:
    return StageKind(end.value, owner, start, end, meaning)


M = Milestone
STAGES: tuple[StageKind, ...] = (
    _row(M.REQUESTED, M.CREATED, Owner.CLIENT, "the client's request reaches the API server"),
    _row(M.CREATED, M.OBSERVED, Owner.CONTROLLER, "the controller takes the claim up"),
    _row(M.OBSERVED, M.BOUND, Owner.CONTROLLER, "a Sandbox is taken from the pool, or made"),
    _row(M.BOUND, M.POD_CREATED, Owner.CONTROLLER, "the Sandbox gets its Pod"),
    _row(M.POD_CREATED, M.SCHEDULED, Owner.SCHEDULER, "the scheduler finds a node"),
    _row(M.SCHEDULED, M.STARTED, Owner.NODE, "the node pulls images and starts the containers"),
    _row(M.STARTED, M.POD_READY, Owner.READINESS, "the readiness probe succeeds"),
    _row(M.POD_READY, M.SANDBOX_READY, Owner.CONTROLLER, "the controller marks the Sandbox ready"),
    _row(M.SANDBOX_READY, M.CLAIM_READY, Owner.CONTROLLER, "the controller marks the claim ready"),
    _row(M.CLAIM_READY, M.CLIENT_READY, Owner.CLIENT, "the client hears of it"),
    _row(M.CLIENT_READY, M.FIRST_COMMAND, Owner.CLIENT, "the client sends its first command"),
)
BY_END: Mapping[Milestone, StageKind] = {row.end: row for row in STAGES}
ORDER: tuple[Milestone, ...] = (M.REQUESTED, *(row.end for row in STAGES))
POOLS_WORK = (M.POD_CREATED, M.SCHEDULED, M.STARTED, M.POD_READY, M.SANDBOX_READY)
ENDINGS = (M.EXPIRED, M.DELETED)


def lay_in_row(found: Mapping[Milestone, Moment], start: StartType) -> dict[Milestone, Moment]:
    """The moments with what their order tells of them: nothing comes before what it follows from.

    A time cut to a second is known better once its neighbours are. Only the cluster's side: the client's clock may be
    off, and that is shown, not corrected. Milestones that came after the claim was ready belong to a later Pod.
    """
    pool, own = _split(found, start)
    settled = {moment.milestone: moment for row in (pool, own) for moment in _settle(row)}
    client = {milestone: moment for milestone, moment in found.items() if _is_free(moment)}
    kept = settled | client
    if M.REQUESTED in kept and M.CREATED in kept:
        kept[M.CREATED] = _not_before(kept[M.CREATED], kept[M.REQUESTED])
    return {milestone: kept[milestone] for milestone in Milestone if milestone in kept}


def _not_before(created: Moment, requested: Moment) -> Moment:
    """A creation cut to its second, at the request where that lies in the same second; else as it is: clocks differ."""
    if created.time_ns < requested.time_ns <= created.upper_ns:
        return replace(created, time_ns=requested.time_ns)
    return created


def stages_of(moments: Mapping[Milestone, Moment], start: StartType) -> tuple[Stage, ...]:
    """The pre-warmed stages, then the claim's own: each from the last milestone known to the next."""
    pool, _ = _split(moments, start)
    ahead = {moment.milestone for moment in pool}
    own = [moments[each] for each in ORDER if each in moments and each not in ahead]
    return (*_pairs(pool, pre_warmed=True), *_pairs(own, pre_warmed=False))


def _pairs(row: Sequence[Moment], pre_warmed: bool) -> tuple[Stage, ...]:
    return tuple(
        Stage(BY_END[end.milestone].name, BY_END[end.milestone].owner, start, end, pre_warmed)
        for start, end in pairwise(row)
    )


def _split(found: Mapping[Milestone, Moment], start: StartType) -> tuple[list[Moment], list[Moment]]:
    """(what the pool had done when the claim took the Sandbox, the claim's own start on the cluster's side)."""
    bound, ready = found.get(M.BOUND) or found.get(M.CLAIM_READY), found.get(M.CLAIM_READY)
    pool: list[Moment] = []
    own: list[Moment] = []
    ahead = start is StartType.WARM and bound is not None
    for milestone in ORDER:
        moment = found.get(milestone)
        if moment is None or _is_free(moment):
            continue
        if milestone in POOLS_WORK:
            ahead = ahead and bound is not None and moment.lower_ns <= bound.upper_ns
        if ahead and milestone in POOLS_WORK:
            pool.append(moment)
        elif not (ready and milestone in POOLS_WORK and moment.lower_ns > ready.upper_ns):
            own.append(moment)
    return pool, own


def _is_free(moment: Moment) -> bool:
    return moment.clock is Clock.CLIENT or moment.milestone in ENDINGS


def _settle(row: Sequence[Moment]) -> list[Moment]:
    """Bounds that grow along the row where they can; where two clocks contradict each other, both stay as they are."""
    bounds = [(moment.lower_ns, moment.upper_ns) for moment in row]
    at_least_ns = 0
    for at, (lower_ns, upper_ns) in enumerate(bounds):
        if at_least_ns <= upper_ns:
            bounds[at] = max(lower_ns, at_least_ns), upper_ns
        at_least_ns = max(at_least_ns, bounds[at][0])
    at_most_ns = max((upper_ns for _, upper_ns in bounds), default=0)
    for at, (lower_ns, upper_ns) in reversed(list(enumerate(bounds))):
        if lower_ns <= at_most_ns:
            bounds[at] = lower_ns, min(upper_ns, at_most_ns)
        at_most_ns = min(at_most_ns, bounds[at][1])
    settled: list[Moment] = []
    time_ns = 0
    for moment, (lower_ns, upper_ns) in zip(row, bounds, strict=True):
        time_ns = max(lower_ns, min(max(moment.time_ns, time_ns), upper_ns))
        if (time_ns, lower_ns, upper_ns) != (moment.time_ns, moment.lower_ns, moment.upper_ns):
            told = (moment.clock, moment.precision_ns, moment.source)
            moment = Moment(moment.milestone, time_ns, lower_ns, upper_ns, *told)  # `replace` takes four times as long
        settled.append(moment)
    return settled
