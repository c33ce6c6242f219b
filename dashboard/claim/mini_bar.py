"""A claim's start in one row of a list: its stages as one bar, on a scale that the whole list shares.

Before: a claim's lifecycle. After: rows of the lists of claims and of a run's sandboxes draw it in SVG, in percent.
"""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.axis import percent
from sandboxes import story
from sandboxes.records import Lifecycle


@dataclass(frozen=True, slots=True)
class Piece:
    """A stage, in percent of the scale."""

    owner: str
    x: float
    width: float


Part = tuple[str, int, int]  # owner, start and end, from the axis's beginning


@dataclass(frozen=True, slots=True)
class MiniBar:
    """What it is made of, and what it waits for now; `too_long`: it reaches beyond the scale."""

    pieces: list[Piece]
    too_long: bool
    wait: story.Wait | None


def mini_bar(lifecycle: Lifecycle, scale_ns: int, now_ns: int) -> MiniBar:
    """The stages of the start, and the one it is in until now."""
    wait = story.wait(lifecycle, now_ns)
    parts = _parts(lifecycle, wait)
    pieces = [_piece(owner, start_ns, end_ns, scale_ns) for owner, start_ns, end_ns in parts]
    return MiniBar([piece for piece in pieces if piece.width > 0], _last_ns(parts) > scale_ns, wait)


def length_ns(lifecycle: Lifecycle, now_ns: int) -> int:
    """How long its bar would be."""
    return _last_ns(_parts(lifecycle, story.wait(lifecycle, now_ns)))


def _parts(lifecycle: Lifecycle, wait: story.Wait | None) -> list[Part]:
    zero_ns = lifecycle.zero_ns
    stages = story.starting_stages(lifecycle)
    parts: list[Part] = [(one.owner, one.start.time_ns - zero_ns, one.end.time_ns - zero_ns) for one in stages]
    if wait is not None:
        parts.append((wait.owner, wait.start_ns - zero_ns, wait.end_ns - zero_ns))
    return parts


def _last_ns(parts: list[Part]) -> int:
    return max((end_ns for _, _, end_ns in parts), default=0)


def _piece(owner: str, start_ns: int, end_ns: int, scale_ns: int) -> Piece:
    x = min(percent(start_ns, scale_ns), 100)
    return Piece(owner, x, round(min(percent(max(end_ns - start_ns, 0), scale_ns), 100 - x), 2))
