"""A claim's timeline as lanes of rows in percent of its axis: objects and Events. Plain Python.

Before: `sandboxes.timeline`. After: `timeline_html` writes the rows. Spans have `span_lanes`, log lines `log_lane`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.claim.axis import ClaimAxis
from dashboard.trace.critical_path import Segment
from sandboxes import timeline

MAX_BARS = 400  # in one row: more are less than a pixel each
MAX_SAID = 24  # characters
LEAST_PATH_PERCENT = 0.1  # a shorter part of the critical path is a speck that says nothing


@dataclass(frozen=True, slots=True)
class Shape:
    """A bar in percent; `kind` is its CSS class."""

    x: float
    width: float
    kind: str
    words: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A moment in percent, and how early it can have been."""

    x: float
    lower_x: float


class Part(NamedTuple):
    """A stretch of the critical path in percent."""

    x: float
    width: float


@dataclass(slots=True)
class LaneRow:
    """One line of the timeline."""

    key: str
    label: str
    depth: int = 0
    about: str = ""
    kind: str = ""  # CSS classes: an owner, a level
    badge: str = ""
    dashed: bool = False  # the badge: inferred, or ambiguous
    count: int = 1
    shapes: Sequence[Shape] = field(default=())
    dots: Sequence[Dot] = field(default=())
    words: str = ""
    length_ns: int | None = None
    precision_ns: int = 1
    problem: str = ""
    outside: str = ""  # when nothing of it is on the axis: earlier, or later
    path: Sequence[Part] = field(default=())  # what the claim was waiting for
    said: str = ""  # a few words for where there is no room for `words`
    said_ns: int | None = None  # and a moment, after zero
    trace_id: str = ""
    span_id: str = ""
    log_id: int = 0


def parts(axis: ClaimAxis, segments: Iterable[Segment]) -> list[Part]:
    """Segments in ns as they are drawn."""
    found = []
    for start_ns, end_ns in segments:
        if axis.shows(start_ns, end_ns):
            x = axis.at(start_ns)
            found.append(Part(x, round(axis.at(end_ns) - x, 2)))
    return [part for part in found if part.width >= LEAST_PATH_PERCENT]


def object_lane(
    axis: ClaimAxis, rows: Iterable[timeline.Row], now_ns: int, waited: Mapping[str, Sequence[Segment]]
) -> list[LaneRow]:
    """Bars by condition; those that last reach to now."""
    found = []
    for row in rows:
        shapes = []
        for bar in row.bars:
            end_ns = max(now_ns if bar.end_ns is None else bar.end_ns, bar.start_ns)
            if axis.shows(bar.start_ns, end_ns):
                x = axis.at(bar.start_ns)
                shapes.append(
                    Shape(x, round(axis.at(end_ns) - x, 2), f"tone-{bar.tone}", bar.words, bar.end_ns is None)
                )
        telling = _telling(row)
        found.append(
            LaneRow(
                row.key, row.label, about=row.about, kind="object", shapes=shapes[:MAX_BARS],
                path=parts(axis, waited.get(row.key, ())),
                said=telling.words[:MAX_SAID] if telling else "",
                said_ns=telling.start_ns - axis.zero_ns if telling else None,
            )
        )  # fmt: skip
    return found


def _telling(row: timeline.Row) -> timeline.Bar | None:
    """The bar to name where only one can be: when it was ready, else what it came to."""
    ready = next((bar for bar in row.bars if bar.tone == timeline.Tone.READY), None)
    return ready or (row.bars[-1] if row.bars else None)


def event_lane(axis: ClaimAxis, rows: Iterable[timeline.Row]) -> list[LaneRow]:
    """A mark for each time it was said; dotted from the earliest it can have been."""
    return [
        LaneRow(
            row.key, row.label, about=row.about, kind="event warning" if row.warning else "event", count=row.count,
            dots=[Dot(axis.at(mark.time_ns), axis.at(mark.lower_ns)) for mark in row.marks if _on(axis, mark)],
            words=row.words, outside=outside(axis, row.marks[0].time_ns),
            said_ns=row.marks[0].time_ns - axis.zero_ns,
        )
        for row in rows
    ]  # fmt: skip


def outside(axis: ClaimAxis, ns: int) -> str:
    """Earlier or later than what the axis shows, or empty."""
    if axis.shows(ns, ns):
        return ""
    return "later" if ns > axis.to_ns else "earlier"


def _on(axis: ClaimAxis, mark: timeline.Mark) -> bool:
    return axis.shows(mark.time_ns, mark.time_ns)
