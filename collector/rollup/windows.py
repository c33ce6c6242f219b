"""The lengths of windows, and which of them a range of time is read from. Plain Python.

Before: a question over a range. After: `reading` takes the rows of the fewest windows that cover it: long ones inside,
shorter ones at its edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Subject(IntEnum):
    """What is measured. Each numbers its series in its own way."""

    OPERATION = 1  # twice the id of an Operation, and one more for spans with an error; 0 and 1: all operations
    STAGE = 2  # the id of a row of sandboxes.models.StageSeries


ALL_OPERATIONS = (0, 1)  # series: every span without an error, every one with

NS_PER_S = 10**9
# Each five or six times the one before: a usual range (5 min, 15 min, 1 h, 6 h, 24 h, 7 d) is 30 to 90 windows of one.
WINDOWS_S = (10, 60, 300, 1_800, 10_800)
SHORTEST_S = WINDOWS_S[0]
SHORTEST_NS = SHORTEST_S * NS_PER_S
FINE_WINDOWS_S = (10, 60)  # kept as long as spans; the others are so few that they outlive them
STEPS_S = (10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800)
NO_END_S = 2**62


@dataclass(frozen=True, slots=True)
class Piece:
    """Windows of one length: those that begin in [first_s, end_s)."""

    window_s: int
    first_s: int
    end_s: int


def step_s(length_s: int, points: int) -> int:
    """The shortest step that cuts a range of this length in no more than so many."""
    return next((step for step in STEPS_S if length_s <= points * step), STEPS_S[-1])


def longest_s(step: int) -> int:
    """The longest window that steps of this length are made of."""
    return next(window for window in reversed(WINDOWS_S) if step % window == 0)


def cover(from_ns: int | None, to_ns: int | None, longest: int, shortest: int = WINDOWS_S[0]) -> list[Piece]:
    """The windows of a range [from, to), none longer than `longest`; at its ends, a whole one of the `shortest`."""
    from_s = 0 if from_ns is None else from_ns // NS_PER_S // shortest * shortest
    to_s = NO_END_S if to_ns is None else -(-to_ns // (NS_PER_S * shortest)) * shortest
    lengths = [window for window in WINDOWS_S if shortest <= window <= max(longest, shortest)]
    return _cover(from_s, to_s, lengths)


def _cover(from_s: int, to_s: int, lengths: list[int]) -> list[Piece]:
    if from_s >= to_s:
        return []
    *shorter, window = lengths
    first, end = -(-from_s // window) * window, to_s if to_s == NO_END_S else to_s // window * window
    if not shorter:
        return [Piece(window, from_s, to_s)]
    if first >= end:
        return _cover(from_s, to_s, shorter)
    return [*_cover(from_s, first, shorter), Piece(window, first, end), *_cover(end, to_s, shorter)]
