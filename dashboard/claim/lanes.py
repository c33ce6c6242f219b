"""A claim's timeline as lanes of rows in percent of its axis: spans, objects, Events, logs. Plain Python.

Before: `tree` and `sandboxes.timeline`. After: `timeline_html` writes the rows.

The controller reconciles an object ten times over: its spans of one name share one row, none is left out. So do the
client's spans below a millisecond under one parent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.claim.axis import ClaimAxis
from dashboard.owners import CLIENT, CONTROLLER, PROGRAM, ROUTER, addressed, owner
from dashboard.trace.tree import Node, SpanFacts, TraceTree, build_tree
from dashboard.trace.waterfall import CLIENT_KIND, FOLD_BELOW_NS, FOLD_FROM, described
from sandboxes import timeline

FAR = (CONTROLLER, ROUTER)
MAX_BARS = 400  # in one row: more are less than a pixel each
FROM_ABOVE = frozenset({"subtree", "trace"})  # evidence that says no more than that its parent is linked


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
    trace_id: str = ""
    span_id: str = ""


Evidence = Mapping[tuple[str, str], tuple[str, str]]  # (trace id, span id) -> (evidence, certainty)


@dataclass(frozen=True, slots=True)
class SpanLanes:
    """The client's rows and those of controller and router, and whose spans they are."""

    client: list[LaneRow]
    far: list[LaneRow]
    services: list[str]
    far_services: list[str]


def span_lanes(axis: ClaimAxis, traces: Mapping[str, list[SpanFacts]], evidence: Evidence) -> SpanLanes:
    """Traces by their start, each a tree; the controller's and the router's spans together below."""
    client: list[LaneRow] = []
    far: dict[tuple[str, str], list[tuple[str, SpanFacts]]] = defaultdict(list)
    services: dict[str, None] = {}
    for trace_id, spans in sorted(traces.items(), key=lambda item: item[1][0].start_ns if item[1] else 0):
        near = []
        for span in spans:
            whose = owner(span.service, span.scope, span.name, span.attributes)
            if whose in FAR:
                far[whose, span.name].append((trace_id, span))
            else:
                near.append(span)
                services[span.service] = None
        if near:
            client += _Tree(axis, trace_id, build_tree(near), evidence).rows()
    far_services = dict.fromkeys(span.service for group in far.values() for _, span in group)
    rows = [_group_row(axis, key, group, evidence) for key, group in far.items()]
    rows.sort(key=lambda row: (FAR.index(row.kind.removeprefix("owner-")), row.shapes[0].x if row.shapes else 0))
    return SpanLanes(client, rows, list(services), list(far_services))


class _Tree:
    """The rows of one trace's client spans."""

    def __init__(self, axis: ClaimAxis, trace_id: str, tree: TraceTree, evidence: Evidence) -> None:
        self.axis, self.trace_id, self.tree, self.evidence = axis, trace_id, tree, evidence

    def rows(self) -> list[LaneRow]:
        """No recursion: a trace may be thousands deep."""
        found: list[LaneRow] = []
        # What was linked without its parent stands at the top.
        stack: list[tuple[Node | list[SpanFacts], int, str, str]] = [
            (node, 0, PROGRAM, "") for node in reversed(self.tree.roots)
        ]
        while stack:
            node, depth, whose, shown = stack.pop()
            if isinstance(node, list):
                found.append(self._fold(node, depth))
                continue
            if node.span is None:
                stack += [(child, depth, whose, shown) for child in reversed(node.children)]
                continue
            row, whose, shown = self._row(node.span, depth, whose, shown)
            found.append(row)
            small = [child.span for child in node.children if child.span and not child.children and _is_small(child)]
            below: list[Node | list[SpanFacts]] = list(node.children)
            if len(small) >= FOLD_FROM:
                below = [child for child in node.children if child.span not in small]
                below.append(small)
            stack += [(child, depth + 1, whose, shown) for child in reversed(below)]
        return found

    def _row(self, span: SpanFacts, depth: int, above: str, shown: str) -> tuple[LaneRow, str, str]:
        whose = owner(span.service, span.scope, span.name, span.attributes)
        if whose == PROGRAM and span.kind == CLIENT_KIND and above == CLIENT:
            whose = CLIENT
        evidence, certainty = self.evidence.get((self.trace_id, span.span_id), ("", ""))
        says = "" if evidence in FROM_ABOVE and shown else evidence
        detail, problem = described(span)
        row = LaneRow(
            key=span.span_id,
            label=span.name or "(no name)",
            depth=min(depth, 20),
            about=addressed(span.name, span.attributes),
            kind=f"owner-{whose}",
            badge=says if says != shown else "",
            dashed=certainty != "exact",
            shapes=_shapes(self.axis, [span]),
            words=detail,
            length_ns=span.duration_ns,
            precision_ns=span.precision_ns,
            problem=problem,
            outside=outside(self.axis, span.start_ns),
            trace_id=self.trace_id,
            span_id=span.span_id,
        )
        return row, whose, says or shown

    def _fold(self, spans: list[SpanFacts], depth: int) -> LaneRow:
        names = dict.fromkeys(span.name for span in spans)
        label = next(iter(names)) if len(names) == 1 else "spans below 1 ms"
        whose = owner(spans[0].service, spans[0].scope, spans[0].name, spans[0].attributes)
        return LaneRow(
            f"fold-{spans[0].span_id}", label, depth, kind=f"owner-{whose}", count=len(spans),
            shapes=_shapes(self.axis, spans), words="each below 1 ms",
            trace_id=self.trace_id, span_id=spans[0].span_id,
        )  # fmt: skip


def _is_small(node: Node) -> bool:
    return node.span is not None and 0 <= (node.span.duration_ns or FOLD_BELOW_NS) < FOLD_BELOW_NS


def _group_row(
    axis: ClaimAxis, key: tuple[str, str], group: list[tuple[str, SpanFacts]], evidence: Evidence
) -> LaneRow:
    """All spans of one name: one row, a bar each."""
    whose, name = key
    group.sort(key=lambda item: item[1].start_ns)
    spans = [span for _, span in group]
    trace_id, first = group[0]
    found = [evidence.get((trace, span.span_id), ("", "")) for trace, span in group]
    says = next((what for what, _ in found if what not in FROM_ABOVE), found[0][0])
    longest = max(span.duration_ns or 0 for span in spans)
    many = len(spans) > 1
    return LaneRow(
        key=f"group-{first.span_id}",
        label=name or "(no name)",
        about=addressed(name, first.attributes),
        kind=f"owner-{whose}",
        badge=says,
        dashed=all(certainty != "exact" for _, certainty in found),
        count=len(spans),
        shapes=_shapes(axis, spans),
        words="longest" if many else described(first)[0],
        length_ns=longest if many else first.duration_ns,
        precision_ns=first.precision_ns,
        outside=outside(axis, first.start_ns),
        problem=next((problem for span in spans if (problem := described(span)[1])), ""),
        trace_id=trace_id,
        span_id=first.span_id,
    )


def _shapes(axis: ClaimAxis, spans: Iterable[SpanFacts]) -> list[Shape]:
    found = []
    for span in spans:
        length_ns = span.duration_ns
        end_ns = span.start_ns + max(length_ns or 0, 0) if length_ns is not None else axis.to_ns
        if not axis.shows(span.start_ns, end_ns):
            continue
        kind = "box call" if span.kind == CLIENT_KIND else "box server" if span.kind == 2 else "box"
        kind += " failed" if span.is_error else ""
        x = axis.at(span.start_ns)
        found.append(Shape(x, round(axis.at(end_ns) - x, 2), kind if length_ns is not None else f"{kind} unsure"))
    return found[:MAX_BARS]


def object_lane(axis: ClaimAxis, rows: Iterable[timeline.Row], now_ns: int) -> list[LaneRow]:
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
        found.append(LaneRow(row.key, row.label, about=row.about, kind="object", shapes=shapes[:MAX_BARS]))
    return found


def event_lane(axis: ClaimAxis, rows: Iterable[timeline.Row]) -> list[LaneRow]:
    """A mark for each time it was said; dotted from the earliest it can have been."""
    return [
        LaneRow(
            row.key, row.label, about=row.about, kind="event warning" if row.warning else "event", count=row.count,
            dots=[Dot(axis.at(mark.time_ns), axis.at(mark.lower_ns)) for mark in row.marks if _on(axis, mark)],
            words=row.words, outside=outside(axis, row.marks[0].time_ns),
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
