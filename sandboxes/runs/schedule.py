"""When each sandbox of a run starts.

Before: a plan. After: `engine` waits for these moments; without a rate it also waits for a free place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from sandboxes.plans import Plan


def start_offsets_s(plan: Plan) -> Iterator[float]:
    """Seconds after the run's start, one for each sandbox, never falling.

    With a rate R and a ramp T the rate grows from nothing to R in a straight line: until T, after t seconds R t^2 / 2T
    have started. Without a rate only the first `concurrency` of them are held back, evenly over the ramp.
    """
    for index in range(plan.count):
        if plan.rate_per_s:
            yield _by_rate(index, plan.rate_per_s, plan.ramp_s)
        else:
            yield plan.ramp_s * min(index / plan.concurrency, 1) if index < plan.concurrency else plan.ramp_s


def places(plan: Plan) -> int:
    """How many may be busy at the same time. By the clock: all of them, since none waits for another."""
    return plan.count if plan.rate_per_s else min(plan.concurrency, plan.count)


def _by_rate(index: int, rate_per_s: float, ramp_s: float) -> float:
    in_ramp = rate_per_s * ramp_s / 2
    if index < in_ramp:
        return math.sqrt(2 * index * ramp_s / rate_per_s)
    return ramp_s + (index - in_ramp) / rate_per_s
