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


@dataclass(frozen=True, slots=True)
class MiniBar:
    """What it is made of, and what it waits for now; `too_long`: it reaches beyond the scale."""

    pieces: list[Piece]
    too_long: bool
    wait: story.Wait | None


def mini_bar(lifecycle: Lifecycle, scale_ns: int, now_ns: int) -> MiniBar:
    """The stages of the start, and the one it is in until now."""
    zero_ns = lifecycle.zero_ns
    parts = [(stage.owner, stage.start.time_ns, stage.end.time_ns) for stage in story.starting_stages(lifecycle)]
    wait = story.wait(lifecycle, now_ns)
    if wait is not None:
        parts.append((wait.owner, wait.start_ns, wait.end_ns))
    pieces = [_piece(owner, start_ns - zero_ns, end_ns - zero_ns, scale_ns) for owner, start_ns, end_ns in parts]
    last_ns = max((end_ns - zero_ns for _, _, end_ns in parts), default=0)
    return MiniBar([piece for piece in pieces if piece.width > 0], last_ns > scale_ns, wait)


def _piece(owner: str, start_ns: int, end_ns: int, scale_ns: int) -> Piece:
    x = min(percent(start_ns, scale_ns), 100)
    return Piece(owner, x, round(min(percent(max(end_ns - start_ns, 0), scale_ns), 100 - x), 2))
