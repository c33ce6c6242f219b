"""The waterfall: a trace's spans as rows with bars in percent of one axis. Plain Python, no Django.

Before: `tree` has put the spans in their place. After: templates/dashboard/_waterfall.html draws a row a span.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.axis import Tick, percent, ticks
from dashboard.owners import CLIENT, PROGRAM, addressed, owner
from dashboard.trace.critical_path import critical_path
from dashboard.trace.tree import Node, SpanFacts, TraceTree

FOLD_BELOW_NS = 10**6
FOLD_FROM = 3  # rows; fewer are not in the way
FOLD_IN_TRACES_FROM_NS = 50 * FOLD_BELOW_NS  # in a shorter trace a millisecond is worth a row
MAX_INDENT = 20
LABEL_ROOM = 1.12  # the axis is this much longer than the trace: room for the root's duration
CLIENT_KIND = 3
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
    whole: Bar  # the same on an axis of the whole trace
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

    `window` is what the axis shows, on an axis of the whole.
    """

    rows: list[Row]
    ticks: list[Tick]
    start_ns: int
    length_ns: int
    whole_ns: int
    window: Bar
    owners: list[str]
    missing: int
    critical: bool


# What is still to be drawn: a node, or small ones to fold; its depth; its parent's row; whether it is inside a fold.
Item = tuple[Node | list[Node], int, Row | None, bool]


# A part of the trace to look at closely: from and to, ns after its start.
Zoom = tuple[int, int]


def draw(tree: TraceTree, keep: str = "", zoom: Zoom | None = None) -> Waterfall:
    """The rows of a trace; the span with the id `keep` is not folded away. Bars outside of `zoom` are cut off."""
    return _Drawing(tree, keep, zoom).draw()


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
        self.critical = critical_path(tree)
        self.known_owners: dict[tuple[str, str, str], str] = {}  # of spans without telling attributes
        self.rows: list[Row] = []

    def draw(self) -> Waterfall:
        stack = self._below(self.tree.roots, 0, None)
        while stack:
            item, depth, parent, hidden = stack.pop()
            if isinstance(item, list):
                row = self._fold(item, depth)
                stack += [(node, depth + 1, row, True) for node in reversed(item)]
            else:
                row = self._row(item, depth, parent, hidden)
                if item.children:
                    stack += self._below(item.children, depth + 1, row)
            self.rows.append(row)
        return Waterfall(
            rows=self.rows,
            ticks=ticks(self.axis_ns, from_ns=self.from_ns),
            start_ns=self.tree.start_ns,
            length_ns=self.length_ns,
            whole_ns=self.whole_ns,
            window=self._whole(self.tree.start_ns + self.from_ns, self.tree.start_ns + self.from_ns + self.axis_ns),
            owners=sorted({row.owner for row in self.rows}, key=lambda name: (name != PROGRAM, name)),
            missing=sum(row.span is None and not row.folded for row in self.rows),
            critical=any(row.path for row in self.rows),
        )

    def _below(self, nodes: list[Node], depth: int, parent: Row | None) -> list[Item]:
        """What to draw for these siblings, in reverse, for the stack: the small ones as one at the end."""
        small: list[Node] = []
        if len(nodes) >= FOLD_FROM and self.length_ns >= FOLD_IN_TRACES_FROM_NS:
            small = [node for node in nodes if self._is_small(node)]
        if len(small) < FOLD_FROM:
            return [(node, depth, parent, False) for node in reversed(nodes)]
        folded = {id(node) for node in small}
        others: list[Item] = [(node, depth, parent, False) for node in reversed(nodes) if id(node) not in folded]
        return [(small, depth, parent, False), *others]

    def _is_small(self, node: Node) -> bool:
        span = node.span
        return (
            span is not None
            and span.duration_ns is not None
            and 0 <= span.duration_ns < FOLD_BELOW_NS
            and not (node.children or span.is_error or node.in_cycle or node.span_id == self.keep)
        )

    def _row(self, node: Node, depth: int, parent: Row | None, hidden: bool) -> Row:
        span = node.span
        bar, whole = self._bars(node.start_ns, node.end_ns)
        row = Row(
            node.span_id, depth, bar, whole, PROGRAM, span, "", len(node.children), 0, hidden, node.in_cycle,
            self._path(node),
        )  # fmt: skip
        if span is not None:
            row.owner = self._owner(span, parent)
            above = parent.span.service if parent and parent.span else ""
            row.service = span.service if span.service != above else ""
            if span.attributes or span.is_error:
                row.address = addressed(span.name, span.attributes)
                row.detail, row.problem = described(span)
        row.label = _label_place(bar, len(row.detail) + len(row.problem))
        return row

    def _path(self, node: Node) -> list[Bar]:
        """Where the span is what the trace waits for."""
        segments = self.critical.get(id(node))
        if segments is None:
            return []
        parts = [self._bars(*segment)[0] for segment in segments]
        return [part for part in parts if part.width >= PATH_FROM_PERCENT]

    def _owner(self, span: SpanFacts, parent: Row | None) -> str:
        """Its own; a call to somebody else belongs to whoever makes it."""
        key = (span.service, span.scope, span.name)
        if span.attributes:
            found = owner(*key, span.attributes)
        elif key in self.known_owners:
            found = self.known_owners[key]
        else:
            found = self.known_owners[key] = owner(*key)
        if found == PROGRAM and span.kind == CLIENT_KIND and parent and parent.owner == CLIENT:
            return CLIENT
        return found

    def _fold(self, nodes: list[Node], depth: int) -> Row:
        start_ns, end_ns = min(node.start_ns for node in nodes), max(node.end_ns for node in nodes)
        owners = {self._owner(node.span, None) for node in nodes if node.span}
        name = owners.pop() if len(owners) == 1 else ""
        row = Row(f"fold-{nodes[0].span_id}", depth, *self._bars(start_ns, end_ns), name or PROGRAM, detail=name)
        row.folded = row.children = len(nodes)
        return row

    def _bars(self, start_ns: int, end_ns: int) -> tuple[Bar, Bar]:
        """On the axis shown, cut off at its ends, and on that of the whole trace."""
        whole = self._whole(start_ns, end_ns)
        if self.zoom is None:
            return whole, whole
        zero_ns = self.tree.start_ns + self.from_ns
        start = percent(start_ns - zero_ns, self.axis_ns)
        end = percent(end_ns - zero_ns, self.axis_ns)
        inside = end >= 0 and start <= 100
        start, end = min(max(start, 0), 100), min(max(end, 0), 100)
        return Bar(start, round(end - start, 2), end, inside), whole

    def _whole(self, start_ns: int, end_ns: int) -> Bar:
        # As `percent` does, in place: these are two of three calls a row.
        whole_ns = self.whole_ns
        x, width = (
            round(100 * (start_ns - self.start_ns) / whole_ns, 2),
            round(100 * (end_ns - start_ns) / whole_ns, 2),
        )
        return Bar(x, width, round(x + width, 2))


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
