"""A time axis: where its ticks are, what they say, and how long it has to be.

Before: `waterfall` and lists with bars know their durations. After: templates draw SVG, in percent of the axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

S, MINUTE, HOUR, DAY = 10**9, 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
UNITS = [(S, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns")]
LONG_UNITS = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), *UNITS]
LONG_FROM_NS = 10 * MINUTE  # from where on people count in minutes, hours, days
LONG_STEPS_NS = (
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
)  # fmt: skip
ROOM_FOR_OUTLIERS = 3  # a longest row no more than this many times the usual one is worth the whole scale


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the axis. The label has its unit only where it changes. A minor one may give way on small screens.

    `narrow_unit`: the unit, for small screens, where the tick it changes at has given way.
    """

    percent: float
    label: str
    minor: bool = False
    narrow_unit: str = ""


def percent(part_ns: int, whole_ns: int) -> float:
    """Two decimals are a fiftieth of a pixel at 1440."""
    return round(100 * part_ns / whole_ns, 2) if whole_ns else 0.0


def log_percent(value: float, low: float, high: float) -> float:
    """Where a value lies on a logarithmic line from `low` to `high`; beyond its ends, at the end."""
    if not 0 < low < high:
        return 0.0
    return round(100 * min(1.0, max(0.0, math.log(max(value, low) / low) / math.log(high / low))), 2)


def ticks(length_ns: int, most: int = 8, from_ns: int = 0) -> list[Tick]:
    """At most `most` steps of 1, 2 or 5 x 10^n nanoseconds, on an axis that begins at `from_ns`.

    On long ones steps are such as clocks have.
    """
    if length_ns <= 0:
        return [Tick(0.0, "0")]
    is_long = length_ns >= LONG_FROM_NS
    units = LONG_UNITS if is_long else UNITS
    step_ns = next(step for step in (_long_steps() if is_long else _steps()) if length_ns <= step * most)
    found = []
    unit_before = unit_before_narrow = ""
    for number in range(-(-from_ns // step_ns), (from_ns + length_ns) // step_ns + 1):
        ns = number * step_ns
        size, unit = next((row for row in units if ns >= row[0]), (1, ""))
        minor, changes = number % 2 == 1, unit != unit_before
        narrow_unit = unit if not minor and not changes and unit != unit_before_narrow else ""
        label = f"{ns / size:.12g}" + (f" {unit}" if unit and changes else "")
        unit_before = unit
        unit_before_narrow = unit_before_narrow if minor else unit
        found.append(Tick(percent(ns - from_ns, length_ns), label, minor, narrow_unit))
    return found


def scale_ns(durations_ns: Iterable[int]) -> int:
    """A round length for bars to share: it holds nine in ten of them, and all if the longest is not far off."""
    ordered = sorted(durations_ns)
    if not ordered or ordered[-1] <= 0:
        return 10**6
    usual_ns, longest_ns = ordered[(len(ordered) - 1) * 9 // 10], ordered[-1]
    wanted_ns = longest_ns if longest_ns <= ROOM_FOR_OUTLIERS * max(usual_ns, 1) else usual_ns
    step_ns = next(step for step in _steps() if wanted_ns <= step * 5)
    return -(-wanted_ns // step_ns) * step_ns


def _long_steps() -> Iterator[int]:
    yield from LONG_STEPS_NS
    for step in _steps():
        yield step * DAY


def _steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10
