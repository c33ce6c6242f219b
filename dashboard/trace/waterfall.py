"""The waterfall: a trace's spans as rows with bars in percent of one axis. Plain Python, no Django.

Before: `order` says which rows there are. After: templates/dashboard/_waterfall.html draws a row a span.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.axis import Tick, percent, ticks
from dashboard.owners import PROGRAM, addressed
from dashboard.trace.critical_path import critical_path
from dashboard.trace.order import Place, parts, places
from dashboard.trace.tree import Node, SpanFacts, TraceTree

MAX_INDENT = 20
LABEL_ROOM = 1.12  # the axis is this much longer than the trace: room for the root's duration
DURATION_CHARACTERS = 9
CHARACTER_PERCENT = 1.6  # of an axis that is rarely shorter than 400 pixels
RIGHT, LEFT, INSIDE = "right", "left", "inside"
PATH_FROM_PERCENT = 0.15  # a shorter part of the critical path is a speck that says nothing


class Bar(NamedTuple):
    """Where it is on the axis, in percent."""

    x: float
    width: float
    end: float
    inside: bool = True  # of what the axis shows


@dataclass(slots=True)
class Row:
    """A span, the placeholder of one that was not received (`span` is None), or the fold of small ones (`folded`)."""

    key: str
    depth: int
    bar: Bar
    owner: str
    span: SpanFacts | None = None
    service: str = ""  # when it is another one than the row above it in the tree
    children: int = 0
    folded: int = 0
    hidden: bool = False
    in_cycle: bool = False
    path: list[Bar] = field(default_factory=list)
    address: str = ""  # what a call went to, when its name is only a method
    detail: str = ""  # a few words before the duration
    problem: str = ""  # what went wrong, in words
    label: str = RIGHT  # where it stands: right or left of the bar, or in it
    left_out: int = 0  # spans between this row and the next, which are not drawn yet

    @property
    def indent(self) -> int:
        return min(self.depth, MAX_INDENT)

    @property
    def open(self) -> bool:
        """Its end is not known."""
        return self.span is not None and self.span.duration_ns is None

    @property
    def backwards(self) -> bool:
        """It ends before it starts, by its own clock."""
        return self.span is not None and (self.span.duration_ns or 0) < 0


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Rows in order, and the axis they share. `whole_ns` is a little more than the trace's `length_ns`.

    `places` are all rows', also of those left out. `window` is what the axis shows, on an axis of the whole.
    """

    rows: list[Row]
    places: list[Place]
    ticks: list[Tick]
    start_ns: int
    length_ns: int
    whole_ns: int
    window: Bar
    owners: list[str]
    missing: int
    critical: bool


# A part of the trace to look at closely: from and to, ns after its start.
Zoom = tuple[int, int]


def draw(tree: TraceTree, keep: str = "", zoom: Zoom | None = None, whole: bool = True) -> Waterfall:
    """The rows of a trace, all of them unless `whole` is false: then of a long one those that are seen at first.

    The span with the id `keep` is among them, and not folded away. Bars outside of `zoom` are cut off.
    """
    return _Drawing(tree, keep, zoom).draw(whole)


class _Drawing:
    def __init__(self, tree: TraceTree, keep: str, zoom: Zoom | None) -> None:
        self.tree = tree
        self.keep = keep
        self.start_ns = tree.start_ns
        self.length_ns = tree.end_ns - tree.start_ns
        self.whole_ns = max(int(self.length_ns * LABEL_ROOM), 1)
        self.zoom = zoom
        self.from_ns, to_ns = zoom or (0, self.whole_ns)
        self.axis_ns = to_ns - self.from_ns
        # Of many parts none is worth a bar.
        self.critical = critical_path(tree, self.axis_ns * (PATH_FROM_PERCENT - 0.01) / 100)

    def draw(self, whole: bool) -> Waterfall:
        found = places(self.tree, self.keep)
        drawn = [range(len(found))] if whole else parts(found, self.keep)
        rows: list[Row] = []
        for part, until in zip(drawn, [part.start for part in drawn[1:]] + [len(found)], strict=True):
            rows += [self._row(found[number]) for number in part]
            rows[-1].left_out = sum(_is_span(found[number]) for number in range(part.stop, until))
        return Waterfall(
            rows=rows,
            places=found,
            ticks=ticks(self.axis_ns, from_ns=self.from_ns),
            start_ns=self.start_ns,
            length_ns=self.length_ns,
            whole_ns=self.whole_ns,
            window=self._whole(self.start_ns + self.from_ns, self.start_ns + self.from_ns + self.axis_ns),
            owners=sorted({place.owner or PROGRAM for place in found}, key=lambda name: (name != PROGRAM, name)),
            missing=sum(place.node.span is None for place in found),
            critical=any(row.path for row in rows),
        )

    def _row(self, place: Place) -> Row:
        if place.folded:
            return self._fold(place, place.folded)
        node, parent, span = place.node, place.parent, place.node.span
        bar = self._bar(node.start_ns, node.end_ns)
        row = Row(
            node.span_id, place.depth, bar, place.owner, span, "", len(node.children), 0, place.hidden, node.in_cycle,
            self._path(node),
        )  # fmt: skip
        if span is not None:
            above = parent.node.span.service if parent and not parent.folded and parent.node.span else ""
            row.service = span.service if span.service != above else ""
            if span.attributes or span.is_error:
                row.address = addressed(span.name, span.attributes)
                row.detail, row.problem = described(span)
        row.label = _label_place(bar, len(row.detail) + len(row.problem))
        return row

    def _fold(self, place: Place, nodes: list[Node]) -> Row:
        bar = self._bar(min(node.start_ns for node in nodes), max(node.end_ns for node in nodes))
        row = Row(f"fold-{place.node.span_id}", place.depth, bar, place.owner or PROGRAM, detail=place.owner)
        row.folded = row.children = len(nodes)
        return row

    def _path(self, node: Node) -> list[Bar]:
        """Where the span is what the trace waits for."""
        segments = self.critical.get(id(node))
        if segments is None:
            return []
        found = [self._bar(*segment) for segment in segments]
        return [part for part in found if part.width >= PATH_FROM_PERCENT]

    def _bar(self, start_ns: int, end_ns: int) -> Bar:
        """On the axis shown, cut off at its ends."""
        if self.zoom is None:
            return self._whole(start_ns, end_ns)
        zero_ns = self.start_ns + self.from_ns
        start = percent(start_ns - zero_ns, self.axis_ns)
        end = percent(end_ns - zero_ns, self.axis_ns)
        inside = end >= 0 and start <= 100
        start, end = min(max(start, 0), 100), min(max(end, 0), 100)
        return Bar(start, round(end - start, 2), end, inside)

    def _whole(self, start_ns: int, end_ns: int) -> Bar:
        """On the axis of the whole trace. As `percent` does, in place: it is called for every row."""
        whole_ns = self.whole_ns
        x, width = (
            round(100 * (start_ns - self.start_ns) / whole_ns, 2),
            round(100 * (end_ns - start_ns) / whole_ns, 2),
        )
        return Bar(x, width, round(x + width, 2))


def _is_span(place: Place) -> bool:
    return place.node.span is not None and not place.folded


def _label_place(bar: Bar, extra_characters: int) -> str:
    """Right of the bar; left, or in a bar that leaves no room there, when it would leave the axis."""
    room = 100 - bar.end
    if room >= (extra_characters + DURATION_CHARACTERS) * CHARACTER_PERCENT or (bar.x <= 25 and room >= 5):
        return RIGHT
    return LEFT if bar.x > 25 else INSIDE


def described(span: SpanFacts) -> tuple[str, str]:
    """A few words that tell this span from others of its name, and what went wrong in it, if anything did."""
    attributes = span.attributes
    words = attributes.get("sandbox.command.executable") or attributes.get("sandbox.file.path") or ""
    problem = ""
    code = attributes.get("sandbox.exit_code")
    if code is not None:
        if code == 0:
            words = f"{words}  exit 0".strip()
        else:
            problem = f"exit {code}"
    status = attributes.get("http.response.status_code") or attributes.get("http.status_code")
    if isinstance(status, int) and status >= 400:
        problem = f"HTTP {status}"
    if span.is_error and not problem:
        problem = span.status_message.partition("\n")[0] or "error"
    return str(words)[-40:], problem[:60]
