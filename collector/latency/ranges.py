"""The range of a question, cut in steps: as long as asked, or as what there is.

Before: a filter's two times, of which either may be open. After: rows are read for it, and drawn by step.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from collector.rollup import SHORTEST_S, Subject, extent_s, longest_s, step_s
from collector.rollup.windows import NS_PER_S, WINDOWS_S

POINTS = 90  # of a chart, unless asked otherwise: then a usual range is read from windows as long as its steps
MOST_POINTS = 240
EDGE_PARTS = 250


@dataclass(frozen=True, slots=True)
class Range:
    """[from, to) in steps that begin at whole multiples of their length. The first and the last may be cut.

    Read without an end when it ends now: what begins meanwhile belongs to it, and no short windows are needed there.
    """

    from_ns: int
    to_ns: int
    step_s: int
    ends_now: bool = False

    @property
    def until_ns(self) -> int | None:
        """Where reading ends."""
        return None if self.ends_now else self.to_ns

    @property
    def edge_s(self) -> int:
        """The windows that the range's ends are rounded to: 10 s, or a 250th of a long range."""
        length_s = (self.to_ns - self.from_ns) // NS_PER_S
        return max((window_s for window_s in WINDOWS_S if window_s * EDGE_PARTS <= length_s), default=SHORTEST_S)

    @property
    def longest_s(self) -> int:
        """The longest windows a step is made of."""
        return longest_s(self.step_s)

    @property
    def starts_s(self) -> range:
        """When each step begins."""
        first_s = self.from_ns // NS_PER_S // self.step_s * self.step_s
        return range(first_s, -(-self.to_ns // NS_PER_S), self.step_s)

    @property
    def times_ns(self) -> list[int]:
        """The same in ns."""
        return [start_s * NS_PER_S for start_s in self.starts_s]

    @property
    def step_ns(self) -> int:
        return self.step_s * NS_PER_S

    def before(self) -> Range:
        """The range of the same length that ends where this one begins."""
        return Range(self.from_ns - (self.to_ns - self.from_ns), self.from_ns, self.step_s)


def asked(subject: Subject, from_ns: int | None, to_ns: int | None, points: int = POINTS) -> Range | None:
    """The range to answer for: until now when its end is open, from the oldest there is when its beginning is.

    None when that is nothing: nothing was measured yet, or the range ends before all that was.
    """
    ends_now = from_ns is not None and to_ns is None
    if from_ns is None:
        there = extent_s(subject)
        if there is None:
            return None
        from_ns = there[0] * NS_PER_S
        to_ns = min(to_ns, there[1] * NS_PER_S) if to_ns is not None else there[1] * NS_PER_S
    elif to_ns is None:
        to_ns = max(time.time_ns(), from_ns + 1)
    if to_ns <= from_ns:
        return None
    step = step_s(-(-(to_ns - from_ns) // NS_PER_S), min(points, MOST_POINTS))
    found = Range(from_ns, to_ns, step, ends_now)
    return replace(found, from_ns=from_ns - from_ns % (found.edge_s * NS_PER_S))
