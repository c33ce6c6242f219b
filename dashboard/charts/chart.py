"""What every chart is made of: the figure, its table twin, and a sentence for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

MS = 10**6  # nanoseconds
FONT = '"Inter", system-ui, sans-serif'
LABELS_PX = 132  # the margin that labels at line ends stand in
TICK_PX = 11  # look.md: never below
ROLES = frozenset({"cold", "warm", "ready", "warning", "error"})
CLEAR = "rgba(0,0,0,0)"


class Window(NamedTuple):
    """The time a chart shows, half-open. `step_ns`: the width of a point, and by which the chart moves on."""

    from_ns: int
    to_ns: int
    step_ns: int


class Moment(NamedTuple):
    """A time as a cell of a table: the browser writes it in the reader's zone."""

    ns: int


Cell = str | Moment


@dataclass(frozen=True, slots=True)
class Table:
    """The same numbers as rows, as people read them. The first column says what a row is about."""

    columns: list[str]
    rows: list[list[Cell]]

    def as_json(self) -> dict[str, Any]:
        """Nanoseconds are decimal texts: JavaScript would round them."""
        cells = [[{"ns": str(cell.ns)} if isinstance(cell, Moment) else cell for cell in row] for row in self.rows]
        return {"columns": self.columns, "rows": cells}


class Note(NamedTuple):
    """A sentence under a chart about what it does not show, and a way there: a query string of the same page."""

    words: str
    link: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A figure Plotly takes as it is. `empty`: why there is nothing to draw; then there is no figure."""

    data: list[dict[str, Any]] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)
    table: Table = field(default_factory=lambda: Table([], []))
    summary: str = ""
    empty: str = ""
    note: Note | None = None
    step_ns: int = 0  # the window moves on by this much, also when nothing arrives; 0: it stands still

    def as_json(self) -> bytes:
        """{"figure": {"data", "layout"}, "table", "summary", "empty", "note": {"words", "link", "href"}, "step_ms"}."""
        return orjson.dumps(
            {
                "figure": {"data": self.data, "layout": self.layout},
                "table": self.table.as_json(),
                "summary": self.summary,
                "empty": self.empty,
                "note": self.note and self.note._asdict(),
                "step_ms": self.step_ns // MS,
            }
        )


def nothing(why: str, window: Window | None = None) -> Chart:
    """A chart without data says why, in a few words, and goes on looking."""
    return Chart(empty=why, summary=why, step_ns=window.step_ns if window else 0)


def plain(text: str) -> str:
    """A name as Plotly should draw it: its texts are pseudo-HTML, with links, and names come from outside."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "%&#123;")


def ms(times_ns: Iterable[int]) -> list[int]:
    """Plotly's time axis counts milliseconds; no chart is drawn as fine as that."""
    return [ns // MS for ns in times_ns]


def colour(name: str, percent: int = 100) -> str:
    """A token of tokens.css, whole or with some opacity (`var(--cold/10)`), as Plotly's validators accept it."""
    return f"var(--{name})" if percent == 100 else f"var(--{name}/{percent})"


def word_colour(name: str) -> str:
    """For words about something of this colour: the role's own text colour where there is one, for contrast."""
    return colour(f"{name}-text" if name in ROLES else "text-2")


def layout(window: Window | None = None, **more: Any) -> dict[str, Any]:
    """What all figures share."""
    shared: dict[str, Any] = {
        "autosize": True,
        "margin": {"l": 56, "r": 16, "t": 8, "b": 24, "pad": 0},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": FONT, "size": TICK_PX, "color": colour("text-3")},
        "hoverlabel": {
            "bgcolor": colour("panel"),
            "bordercolor": colour("control"),
            "font": {"family": FONT, "size": 12, "color": colour("text")},
            "align": "left",
            "namelength": -1,
        },
        "showlegend": False,
        "dragmode": "zoom",
    }
    if window:
        shared["xaxis"] = time_axis(window)
    return shared | more


def time_axis(window: Window) -> dict[str, Any]:
    """From first to last moment of the window. The browser shifts it to local time when the reader wants that."""
    return {
        "type": "date",
        "range": [window.from_ns // MS, window.to_ns // MS],
        "nticks": 6,
        "tickformatstops": [
            {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%L"},
            {"dtickrange": [1_000, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 43_200_000], "value": "%H:%M"},
            {"dtickrange": [43_200_000, None], "value": "%b %-d"},
        ],
        "hoverformat": "%Y-%m-%d %H:%M:%S",
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "fixedrange": False,
    }
