"""A claim's spans as lanes of rows: the client's trees, and below them the controller's and the router's. Plain Python.

Before: `trace.tree`, and `critical`, which says what was waited for. After: `timeline_html` writes the rows.

The controller reconciles an object ten times over: its spans of one name share one row, none is left out. So do the
client's spans below a millisecond under one parent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.claim.axis import ClaimAxis
from dashboard.claim.critical import waited_spans
from dashboard.claim.lanes import MAX_BARS, LaneRow, Part, Shape, outside, parts
from dashboard.owners import CLIENT, CONTROLLER, PROGRAM, ROUTER, addressed, owner
from dashboard.trace.critical_path import Segment
from dashboard.trace.order import CLIENT_KIND, FOLD_BELOW_NS, FOLD_FROM
from dashboard.trace.tree import Node, SpanFacts, TraceTree, build_tree
from dashboard.trace.waterfall import described

FAR = (CONTROLLER, ROUTER)
FROM_ABOVE = frozenset({"subtree", "trace"})  # evidence that says no more than that its parent is linked

Evidence = Mapping[tuple[str, str], tuple[str, str]]  # (trace id, span id) -> (evidence, certainty)


@dataclass(frozen=True, slots=True)
class SpanLanes:
    """The client's rows and those of controller and router, and whose spans they are."""

    client: list[LaneRow]
    far: list[LaneRow]
    services: list[str]
    far_services: list[str]


def whose(span: SpanFacts) -> str:
    """One of owners.OWNERS."""
    return owner(span.service, span.scope, span.name, span.attributes)


def is_far(span: SpanFacts) -> bool:
    """Whether it was read from a clock of the cluster's."""
    return whose(span) in FAR


def span_lanes(
    axis: ClaimAxis, traces: Mapping[str, list[SpanFacts]], evidence: Evidence, windows: Sequence[Segment]
) -> SpanLanes:
    """Traces by their start, each a tree; the controller's and the router's spans together below.

    `windows` is when the claim was waiting for the client.
    """
    far: dict[tuple[str, str], list[tuple[str, SpanFacts]]] = defaultdict(list)
    near: dict[str, list[SpanFacts]] = defaultdict(list)
    for trace_id, spans in sorted(traces.items(), key=lambda item: item[1][0].start_ns if item[1] else 0):
        for span in spans:
            by = whose(span)
            if by in FAR:
                far[by, span.name].append((trace_id, span))
            else:
                near[trace_id].append(span)
    clients = [span for spans in near.values() for span in spans]
    waited = waited_spans(clients, windows)
    client: list[LaneRow] = []
    for trace_id, spans in near.items():
        client += _Tree(axis, trace_id, build_tree(spans), evidence, waited).rows()
    services = dict.fromkeys(span.service for span in clients)
    far_services = dict.fromkeys(span.service for group in far.values() for _, span in group)
    rows = [_group_row(axis, key, group, evidence) for key, group in far.items()]
    rows.sort(key=lambda row: (FAR.index(row.kind.removeprefix("owner-")), row.shapes[0].x if row.shapes else 0))
    return SpanLanes(client, rows, list(services), list(far_services))


class _Tree:
    """The rows of one trace's client spans."""

    def __init__(
        self, axis: ClaimAxis, trace_id: str, tree: TraceTree, evidence: Evidence, waited: Mapping[str, list[Segment]]
    ) -> None:
        self.axis, self.trace_id, self.tree, self.evidence, self.waited = axis, trace_id, tree, evidence, waited

    def rows(self) -> list[LaneRow]:
        """No recursion: a trace may be thousands deep."""
        found: list[LaneRow] = []
        # What was linked without its parent stands at the top.
        stack: list[tuple[Node | list[SpanFacts], int, str, str]] = [
            (node, 0, PROGRAM, "") for node in reversed(self.tree.roots)
        ]
        while stack:
            node, depth, above, shown = stack.pop()
            if isinstance(node, list):
                found.append(self._fold(node, depth))
                continue
            if node.span is None:
                stack += [(child, depth, above, shown) for child in reversed(node.children)]
                continue
            row, by, shown = self._row(node.span, depth, above, shown)
            found.append(row)
            small = [child.span for child in node.children if child.span and not child.children and _is_small(child)]
            below: list[Node | list[SpanFacts]] = list(node.children)
            if len(small) >= FOLD_FROM:
                below = [child for child in node.children if child.span not in small]
                below.append(small)
            stack += [(child, depth + 1, by, shown) for child in reversed(below)]
        return found

    def _row(self, span: SpanFacts, depth: int, above: str, shown: str) -> tuple[LaneRow, str, str]:
        by = whose(span)
        if by == PROGRAM and span.kind == CLIENT_KIND and above == CLIENT:
            by = CLIENT
        evidence, certainty = self.evidence.get((self.trace_id, span.span_id), ("", ""))
        says = "" if evidence in FROM_ABOVE and shown else evidence
        detail, problem = described(span)
        row = LaneRow(
            key=span.span_id,
            label=span.name or "(no name)",
            depth=min(depth, 20),
            about=addressed(span.name, span.attributes),
            kind=f"owner-{by}",
            badge=says if says != shown else "",
            dashed=certainty != "exact",
            shapes=_shapes(self.axis, [span]),
            words=detail,
            length_ns=span.duration_ns,
            precision_ns=span.precision_ns,
            problem=problem,
            outside=outside(self.axis, span.start_ns),
            path=self._path(span),
            trace_id=self.trace_id,
            span_id=span.span_id,
        )
        return row, by, says or shown

    def _path(self, *spans: SpanFacts) -> list[Part]:
        return parts(self.axis, (part for span in spans for part in self.waited.get(span.span_id, ())))

    def _fold(self, spans: list[SpanFacts], depth: int) -> LaneRow:
        names = dict.fromkeys(span.name for span in spans)
        label = next(iter(names)) if len(names) == 1 else "spans below 1 ms"
        return LaneRow(
            f"fold-{spans[0].span_id}", label, depth, kind=f"owner-{whose(spans[0])}", count=len(spans),
            shapes=_shapes(self.axis, spans), words="each below 1 ms", path=self._path(*spans),
            trace_id=self.trace_id, span_id=spans[0].span_id,
        )  # fmt: skip


def _is_small(node: Node) -> bool:
    return node.span is not None and 0 <= (node.span.duration_ns or FOLD_BELOW_NS) < FOLD_BELOW_NS


def _group_row(
    axis: ClaimAxis, key: tuple[str, str], group: list[tuple[str, SpanFacts]], evidence: Evidence
) -> LaneRow:
    """All spans of one name: one row, a bar each."""
    by, name = key
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
        kind=f"owner-{by}",
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
