"""How well a percentile or a share is known from what was counted, and so whether two of them differ. Plain Python.

Before: histograms of `figures`. After: `sides` says of each operation, and `sandboxes.latency` of each stage, whether
it moved between two ranges of time.

A percentile lies, in 95 of 100 cases, between two of the values themselves: which, the binomial distribution tells, and
nothing is assumed of their shape (David and Nagaraja, Order Statistics, 7.1). A share of errors: Wilson's interval.
Two differ when their intervals do not overlap. That is stricter than a test at 5 %: of two hundred operations that did
not change, one is called moved. SciPy's tests would need every value, and 75 MB in the web process.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from collector.histogram import Histogram, upper_ns

OUTSIDE = 0.025  # on each side
Z = 1.959964  # standard errors that leave OUTSIDE above them
EXACT_UP_TO = 1_000  # values; of more, the normal distribution tells the same ranks, within one


class Verdict(StrEnum):
    """Of the second against the first."""

    MORE = "more"
    LESS = "less"
    NOISE = "noise"
    TOO_FEW = "too few to tell"


class Interval(NamedTuple):
    """Between which two values it lies; None: so few were measured that they set no bound."""

    lower: float | None
    upper: float | None


def verdict(a: Interval, b: Interval) -> Verdict:
    """Whether b is more than a, or less, beyond what chance and buckets may do."""
    if b.lower is not None and a.upper is not None and b.lower > a.upper:
        return Verdict.MORE
    if a.lower is not None and b.upper is not None and a.lower > b.upper:
        return Verdict.LESS
    return Verdict.TOO_FEW if None in (a.lower, a.upper, b.lower, b.upper) else Verdict.NOISE


def of_percentiles(found: Histogram, wanted: Sequence[float]) -> list[Interval]:
    """The interval of each percentile in ns, from the lower bound of one bucket to the upper bound of another."""
    first, ranks = found.ranks()
    total = ranks[-1] if ranks else 0
    intervals = []
    for q in wanted:
        low, high = ranks_around(total, q)
        lower = upper_ns(max(first + bisect_left(ranks, low) - 1, 0)) if low else None
        upper = min(upper_ns(first + bisect_left(ranks, high)), found.max_ns) if high <= total else None
        intervals.append(Interval(lower, upper))
    return intervals


def of_share(part: int, whole: int) -> Interval:
    """Between which shares, 0 to 1, the true one lies."""
    if not whole:
        return Interval(None, None)
    share, z2 = part / whole, Z * Z / whole
    middle = (share + z2 / 2) / (1 + z2)
    half = Z * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole)) / (1 + z2)
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


@lru_cache(maxsize=4_096)
def ranks_around(count: int, q: float) -> tuple[int, int]:
    """The ranks, counted from 1, of the values around the `q` quantile; 0 and count + 1 where no value bounds it."""
    if count > EXACT_UP_TO:
        half = Z * math.sqrt(count * q * (1 - q))
        return max(math.floor(count * q - half), 0), min(math.ceil(count * q + half) + 1, count + 1)
    # How many values lie above the quantile, from none upwards: the first ranks this leaves outside bound it.
    below, above = 0, count + 1
    chance, reached = q**count, 0.0
    for number in range(count + 1):
        if reached + chance <= OUTSIDE:
            above = count - number
        reached += chance
        if reached >= 1 - OUTSIDE:
            below = count - number
            break
        chance *= (count - number) / (number + 1) * (1 - q) / q
    return below, above
