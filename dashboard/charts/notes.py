"""Words on a chart of lines: labels at the line ends, why a line breaks, and what happened when.

Before: `lines` has its lines and their axis. After: Plotly's annotations and shapes, as dicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dashboard.charts.axes import place
from dashboard.charts.chart import MS, ROLES, Window, colour, plain, word_colour
from dashboard.units import quantity

Values = Sequence[float | None]

LABEL_PX = 14  # the height of a label at a line's end
PLOT_PX = 200  # about the height of a chart's plot: what labels need of it is worked out from that
SHORT_LETTERS = 9
LABEL_LETTERS = 19  # that fit beside the plot
SAMPLE_PX = 14  # a piece of the line before its label, where the words have not its colour
MOST_SHORT = 8  # labels on a phone, where only the thick lines have one
SHORT_DASHES = {"solid": "solid", "dash": "3px,2px", "dot": "2px,2px"}  # Plotly's own are longer than a sample
LONG_GAP = 0.15  # of the window: then there is room to say why


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened: a dotted line with a few words."""

    time_ns: int
    words: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as it is drawn. `fill`: down to the line before it; `whose`: what it shares its colour with."""

    name: str
    colour: str
    values: Values
    width: float
    dash: str
    fill: bool = False
    whose: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """A label at a line's end: Plotly's annotation, a piece of the line before it or None, and its words on a phone."""

    label: dict[str, Any]
    sample: dict[str, Any] | None
    short: str


def last(values: Values) -> float | None:
    """The newest there is."""
    return next((value for value in reversed(values) if value is not None), None)


def end_labels(drawn: list[Drawn], axis: dict[str, Any], unit: str) -> list[End]:
    """A label beside each line's end, moved apart where they would touch."""
    lasts = [(line, value) for line in drawn if (value := last(line.values)) is not None]
    lasts.sort(key=lambda item: place(item[1], axis))
    thick = max((line.width for line in drawn), default=0.0)
    sampled = sampled_colours(drawn)
    found = []
    for (line, value), at in zip(lasts, _apart([place(value, axis) for _, value in lasts]), strict=True):
        words = quantity(value, unit)
        short = plain(_shorter(words)) if line.width == thick and len(lasts) <= MOST_SHORT else ""
        label = _end(line, at, words, bold=line.width == thick > 2, sampled=bool(sampled))
        found.append(End(label, _sample(line, at) if sampled else None, short))
    return found


def sampled_colours(drawn: list[Drawn]) -> list[tuple[str, str]]:
    """Colour and name of what several lines tell apart, when the colours are none that words can be read in."""
    found = list(dict.fromkeys((line.colour, line.whose) for line in drawn))
    return found if len(found) > 1 and not any(colour in ROLES for colour, _ in found) else []


def _shorter(words: str) -> str:
    """What is left of a quantity on a phone: without a long unit."""
    return words if len(words) <= SHORT_LETTERS else words.split(" ")[0]


def _apart(places: list[float]) -> list[float]:
    """Ascending places, moved up until none touches the one below, then down until none is above the plot."""
    gap = LABEL_PX / PLOT_PX
    for at in range(1, len(places)):
        places[at] = max(places[at], places[at - 1] + gap)
    ceiling = 1.0
    for at in range(len(places) - 1, -1, -1):
        places[at] = min(places[at], ceiling)
        ceiling = places[at] - gap
    return places


def _end(line: Drawn, at: float, words: str, *, bold: bool, sampled: bool) -> dict[str, Any]:
    room = max(6, LABEL_LETTERS - len(words))
    name = line.name if len(line.name) <= room else f"{line.name[: room - 1]}…"
    text = f"{plain(name)} {plain(words)}".strip()
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": at,
        "xshift": 6 + (SAMPLE_PX if sampled else 0),
        "xanchor": "left",
        "yanchor": "middle",
        "showarrow": False,
        "align": "left",
        "text": text,
        # Not <b>: Plotly makes a style attribute of that, which the content policy refuses.
        "font": {"color": word_colour(line.colour), "size": 11, "weight": 600 if bold else 400},
    }


def _sample(line: Drawn, at: float) -> dict[str, Any]:
    """A few pixels of the line, right of the plot."""
    return {
        "type": "line",
        "xref": "paper",
        "yref": "paper",
        "xsizemode": "pixel",
        "xanchor": 1,
        "x0": 6,
        "x1": 2 + SAMPLE_PX,
        "y0": at,
        "y1": at,
        "line": {"color": colour(line.colour), "width": max(line.width, 1.6), "dash": SHORT_DASHES[line.dash]},
    }


def gap_notes(x: list[int], values: Values, words: str, axis: dict[str, Any], window: Window) -> list[dict[str, Any]]:
    """In each long break, at the height of the value before it, what there was none of."""
    wide_ms = (window.to_ns - window.from_ns) // MS * LONG_GAP
    notes: list[dict[str, Any]] = []
    before: float | None = None
    for known, run in groupby(zip(x, values, strict=True), key=lambda item: item[1] is not None):
        points = list(run)
        if known:
            before = points[-1][1]
        elif before is not None and points[-1][0] - points[0][0] >= wide_ms and points[-1][0] != x[-1]:
            notes.append(
                {
                    "x": (points[0][0] + points[-1][0]) / 2,
                    "y": place(before, axis),
                    "xref": "x",
                    "yref": "paper",
                    "text": plain(words),
                    "showarrow": False,
                    "font": {"color": colour("text-3"), "size": 11},
                }
            )
    return notes


def mark_line(mark: Mark) -> dict[str, Any]:
    """From top to bottom."""
    at = mark.time_ns // MS
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": colour("text-3"), "width": 1, "dash": "dot"},
    }


def mark_words(mark: Mark) -> dict[str, Any]:
    """At its top, on the left: what comes after is what one looks at."""
    return {
        "x": mark.time_ns // MS,
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "xanchor": "right",
        "yanchor": "top",
        "text": plain(mark.words),
        "showarrow": False,
        "font": {"color": colour("text-3"), "size": 11},
    }
