"""A claim's time axis: zero is the client's request; what the pool did before has a scale of its own. Plain Python.

Before: `sandboxes.timeline` and the spans know their nanoseconds. After: everything on the page is in percent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from dashboard.axis import Tick, percent, ticks

LABEL_ROOM = 1.12  # right of the last bar, for what stands there
OWN_SCALE_PERCENT = 18.0  # of the axis, for what the pool did before
SEAM_PERCENT = 1.0
SHORTEST_NS = 10**6
TICK_ROOM_PERCENT = 4.0  # around a named moment, where no other tick is written
PHONE_TICK_ROOM_PERCENT = 14.0
PHONE_TICKS = 5  # have room on a small screen
CHARACTER_PERCENT, PHONE_CHARACTER_PERCENT = 0.7, 1.9  # of a named moment's word
EARLIER_SHARE = 4  # what began up to a fourth of the length before zero is on the same scale


@dataclass(frozen=True)
class ClaimAxis:
    """Percent from nanoseconds. `before_ns`, when there is one, is where the pool's own scale begins."""

    zero_ns: int
    from_ns: int  # the main scale: from_ns <= zero_ns < to_ns
    to_ns: int
    before_ns: int | None = None

    @classmethod
    def over(cls, zero_ns: int, earliest_ns: int, latest_ns: int, pre_warmed_ns: int | None) -> ClaimAxis:
        """An axis that shows from the earliest to the latest moment, and some room for words."""
        length_ns = max(latest_ns - zero_ns, SHORTEST_NS)
        earlier_ns = zero_ns - earliest_ns
        from_ns = earliest_ns if 0 < earlier_ns <= length_ns // EARLIER_SHARE else zero_ns
        to_ns = from_ns + int((zero_ns + length_ns - from_ns) * LABEL_ROOM)
        before_ns = pre_warmed_ns if pre_warmed_ns is not None and pre_warmed_ns < from_ns else None
        return cls(zero_ns, from_ns, to_ns, before_ns)

    @property
    def main_x(self) -> float:
        """Where the main scale begins."""
        return OWN_SCALE_PERCENT if self.before_ns is not None else 0.0

    def zoomed(self, from_ns: int, to_ns: int) -> ClaimAxis:
        """A part of it, from and to in ns after zero. What lies before it has no scale of its own there."""
        return ClaimAxis(self.zero_ns, self.zero_ns + from_ns, self.zero_ns + to_ns)

    @property
    def window(self) -> tuple[int, int]:
        """What the main scale shows, in ns after zero."""
        return self.from_ns - self.zero_ns, self.to_ns - self.zero_ns

    def at(self, ns: int) -> float:
        """Its place, cut off at the ends of the axis."""
        if ns < self.from_ns and self.before_ns is not None:
            share = percent(ns - self.before_ns, self.from_ns - self.before_ns) / 100
            return round(max(share, 0.0) * (OWN_SCALE_PERCENT - SEAM_PERCENT), 2)
        share = percent(ns - self.from_ns, self.to_ns - self.from_ns) / 100
        return round(self.main_x + min(max(share, 0.0), 1.0) * (100 - self.main_x), 2)

    def shows(self, start_ns: int, end_ns: int) -> bool:
        """Whether any of it is on the axis."""
        first_ns = self.from_ns if self.before_ns is None else self.before_ns
        return end_ns >= first_ns and start_ns <= self.to_ns

    @property
    def length_ns(self) -> int:
        """Of the main scale."""
        return self.to_ns - self.from_ns

    @property
    def shows_zero(self) -> bool:
        return self.from_ns <= self.zero_ns <= self.to_ns

    @cached_property
    def zero_x(self) -> float:
        return self.at(self.zero_ns)

    @property
    def percent_per_ms(self) -> float:
        """How fast what is open grows."""
        return (100 - self.main_x) * 10**6 / self.length_ns

    def ticks(self, named: Sequence[Named]) -> list[Tick]:
        """Ticks in time after zero, but for those that named moments take the place of."""
        from_ns, to_ns = self.window
        from_ns = max(from_ns, 0)
        if from_ns >= to_ns:
            return []
        steps = ticks(to_ns - from_ns, most=8, from_ns=from_ns)
        crowded = len(steps) > PHONE_TICKS
        found: list[Tick] = []
        unit = unit_before = unit_before_narrow = ""  # said again where the tick that said it has given way
        for tick in steps:
            x = self.at(self.zero_ns + from_ns + round(tick.percent / 100 * (to_ns - from_ns)))
            number, _, own_unit = tick.label.partition(" ")
            unit = own_unit or unit
            if number == "0":
                found.append(Tick(x, number))  # `named` left its place free
                continue
            nearest = min((abs(x - other.x) for other in named), default=100.0)
            if nearest < TICK_ROOM_PERCENT:
                continue
            minor = (tick.minor and crowded) or nearest < PHONE_TICK_ROOM_PERCENT
            label = number if unit == unit_before else f"{number} {unit}"
            narrow_unit = unit if label == number and not minor and unit != unit_before_narrow else ""
            found.append(Tick(x, label, minor, narrow_unit))
            unit_before, unit_before_narrow = unit, unit_before_narrow if minor else unit
        return found

    def ticks_before(self) -> list[Tick]:
        """Ticks of the pool's own scale, negative times."""
        if self.before_ns is None:
            return []
        length_ns = self.from_ns - self.before_ns
        found = []
        for tick in ticks(length_ns, most=3)[1:]:
            x = self.at(self.from_ns - max(round(tick.percent / 100 * length_ns), 1))
            if x > 2:
                found.append(Tick(x, f"−{tick.label}", tick.minor))  # noqa: RUF001 - a minus
        return found


@dataclass(frozen=True, slots=True)
class Named:
    """A moment with a name of its own on the axis. Where its word has no room, it is a line alone."""

    x: float
    name: str
    kind: str = ""  # CSS class of its line and word
    worded: bool = True
    minor: bool = False  # no room for the word on small screens


def named(axis: ClaimAxis, moments: Iterable[tuple[str, str, int | None]]) -> list[Named]:
    """(name, kind, ns), the most telling first: those on the axis, by place, with words that do not overlap.

    Without room for its word one with a kind is a line alone, the others are left out; zero keeps its tick.
    """
    zero = [Named(axis.zero_x, "0")] if axis.shows_zero else []
    found: list[Named] = []
    for name, kind, ns in moments:
        if ns is None or not axis.from_ns <= ns <= axis.to_ns:
            continue
        x = axis.at(ns)
        others = [other for other in (*zero, *found) if other.worded]
        rooms = [(abs(x - other.x), len(name) + len(other.name) + 2) for other in others]
        worded = all(room >= characters / 2 * CHARACTER_PERCENT for room, characters in rooms)
        minor = any(room < characters / 2 * PHONE_CHARACTER_PERCENT for room, characters in rooms)
        if worded or kind:
            found.append(Named(x, name, kind, worded, minor))
    return sorted(found, key=lambda one: one.x)
