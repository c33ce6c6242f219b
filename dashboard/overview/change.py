"""What changed against the window of the same length before it, in words that claim no more than the numbers hold.

Before: two percentiles or two shares, with how many they were read from. After: the sentence, the big number's line and
the rows of operations. Colour never says it: more is not worse everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

ENOUGH = 5  # fewer values than this in either window are an accident, not a change
SAME = 0.1  # a tenth up or down is noise at these counts, and the percentiles themselves are exact to 2.5 %
TIMES = 3.0  # from here on "3.2 times" is easier to read than a percentage


@dataclass(frozen=True, slots=True)
class Change:
    """A ratio to the window before, and the words for it. `direction` is -1, 0 or 1."""

    ratio: float
    direction: int
    words: str  # "up 40 %", "down 12 %", "3.2 times", "as before"
    short: str  # for a table: "+40 %", "same"


def change(now: float | None, before: float | None, count: int, before_count: int) -> Change | None:
    """None when there is nothing to compare, or too little."""
    if not now or not before or min(count, before_count) < ENOUGH:
        return None
    ratio = now / before
    if abs(ratio - 1) < SAME:
        return Change(ratio, 0, "as before", "same")
    if ratio >= TIMES:
        times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
        return Change(ratio, 1, f"{times} times as long", f"× {times}")  # noqa: RUF001 - as people write it
    percent = round(abs(ratio - 1) * 100)
    direction, word, sign = (1, "up", "+") if ratio > 1 else (-1, "down", "−")  # noqa: RUF001 - a minus
    return Change(ratio, direction, f"{word} {percent} %", f"{sign}{percent} %")
