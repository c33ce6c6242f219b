"""A trace's spans as a tree, whatever is missing or wrong: plain Python.

Before: a view reads the spans, in any order. After: `waterfall` and `statistics`.

Real traces are rarely whole while somebody looks: batches arrive children first, a killed program never sends its root,
a sampler drops the middle, clocks step back. Nothing is left out for it:
- Spans whose parent was not received stand below a placeholder for it, which spans what its children tell.
- Spans that are each other's ancestors are cut open at the earliest, which becomes a root and is marked.
- An unknown end is open until the trace's end; an end before the start counts as no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from dashboard.owners import telling

NOTHING: dict[str, Any] = {}


@dataclass(slots=True, eq=False)
class SpanFacts:
    """What the tree needs of a span. `duration_ns` is None when the end is unknown.

    `said`: its attributes, JSON until somebody asks for them: parsing was a quarter of reading a trace's spans.
    Not frozen: that would triple what 5,000 of them cost to make.
    """

    span_id: str
    parent_span_id: str | None
    name: str
    service: str
    start_ns: int
    duration_ns: int | None
    scope: str = ""
    kind: int = 1
    is_error: bool = False
    status_message: str = ""
    said: Mapping[str, Any] | str = field(default_factory=dict)
    precision_ns: int = 1

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Those that tell something of it on a page; of a span whose attributes tell nothing there, none."""
        if isinstance(self.said, str):
            self.said = orjson.loads(self.said) if telling(self.name, self.said) else NOTHING
        return self.said


@dataclass(slots=True, eq=False)
class Node:
    """A span in its place; without `span` it is the placeholder of one that was not received."""

    span_id: str
    span: SpanFacts | None
    start_ns: int
    end_ns: int
    children: list[Node] = field(default_factory=list)
    depth: int = 0
    in_cycle: bool = False

    @property
    def self_ns(self) -> int:
        """The time none of its children was running in."""
        covered_ns, until_ns = 0, self.start_ns
        for child in self.children:  # by start
            start_ns, end_ns = max(child.start_ns, until_ns), min(child.end_ns, self.end_ns)
            if end_ns > start_ns:
                covered_ns += end_ns - start_ns
                until_ns = end_ns
        return self.end_ns - self.start_ns - covered_ns


@dataclass(frozen=True, slots=True)
class TraceTree:
    """Roots by start; `start_ns` and `end_ns` hold every span."""

    roots: list[Node]
    start_ns: int
    end_ns: int

    def walk(self) -> Iterator[Node]:
        """Every node, parents before children. No recursion: a trace may be 5,000 deep."""
        stack = self.roots[::-1]
        while stack:
            node = stack.pop()
            yield node
            if node.children:
                stack += node.children[::-1]


def build_tree(spans: Iterable[SpanFacts], times_ns: tuple[int, int] | None = None) -> TraceTree:
    """The tree of a trace's spans, of which there is at least one; of some of them with the `times_ns` of all."""
    facts = list(spans)
    start_ns, end_ns = times_ns or _times_ns(facts)
    nodes = [_node(span, end_ns) for span in facts]
    by_id: dict[str, Node] = {}
    for node in nodes:
        by_id.setdefault(node.span_id, node)
    roots = _attach(nodes, by_id)
    if _put_in_order(roots) < len(nodes):
        roots += _cut_cycles(nodes, roots)
        _put_in_order(roots)
    return TraceTree(roots, start_ns, end_ns)


def _times_ns(facts: list[SpanFacts]) -> tuple[int, int]:
    starts_ns = [span.start_ns for span in facts]
    return min(starts_ns), max(max(starts_ns), max([span.start_ns + (span.duration_ns or 0) for span in facts]))


def _put_in_order(roots: list[Node]) -> int:
    """Roots, and the children of each node, by their places, each with its depth. Returns how many spans there are."""
    roots.sort(key=_place)
    stack, count = list(roots), 0
    while stack:
        node = stack.pop()
        count += node.span is not None
        if children := node.children:
            if len(children) > 1:
                children.sort(key=_place)
            depth = node.depth + 1
            for child in children:
                child.depth = depth
            stack += children
    return count


def _node(span: SpanFacts, trace_end_ns: int) -> Node:
    start_ns, duration_ns = span.start_ns, span.duration_ns
    if duration_ns is None:
        return Node(span.span_id, span, start_ns, trace_end_ns)
    return Node(span.span_id, span, start_ns, start_ns + duration_ns if duration_ns > 0 else start_ns)


def _place(node: Node) -> tuple[int, int, str]:
    """By start; of equal ones the longer first, which is more likely to be the cause of the other."""
    return node.start_ns, -node.end_ns, node.span_id


def _attach(nodes: list[Node], by_id: dict[str, Node]) -> list[Node]:
    """Hangs each node under its parent, or a placeholder. Returns the roots."""
    roots = []
    missing: dict[str, Node] = {}
    for node in nodes:
        assert node.span is not None
        parent_id = node.span.parent_span_id
        if parent_id is None:
            roots.append(node)
        elif parent_id in by_id:
            by_id[parent_id].children.append(node)
        else:
            parent = missing.setdefault(parent_id, Node(parent_id, None, node.start_ns, node.end_ns))
            parent.children.append(node)
            parent.start_ns = min(parent.start_ns, node.start_ns)
            parent.end_ns = max(parent.end_ns, node.end_ns)
    return roots + list(missing.values())


def _cut_cycles(nodes: list[Node], roots: list[Node]) -> list[Node]:
    """Nodes no root leads to are in a cycle or below one. The earliest of each cycle becomes a root."""
    reached: set[int] = set()
    _reach([child for root in roots for child in ([root] if root.span else root.children)], reached)
    cut: list[Node] = []
    parent_of = {id(child): parent for parent in nodes for child in parent.children}
    for node in sorted(nodes, key=_place):
        if id(node) in reached:
            continue
        cycle = _cycle_above(node, parent_of)
        first = min(cycle, key=_place)
        for parent in cycle:
            parent.children = [child for child in parent.children if child is not first]
        first.in_cycle = True
        cut.append(first)
        _reach([first], reached)
    return cut


def _reach(roots: list[Node], reached: set[int]) -> None:
    stack = list(roots)
    while stack:
        node = stack.pop()
        reached.add(id(node))
        stack += node.children


def _cycle_above(node: Node, parent_of: dict[int, Node]) -> list[Node]:
    """Goes up from an unreached node until a node comes again: from there on it is the cycle."""
    path: list[Node] = []
    seen: dict[int, int] = {}
    while id(node) not in seen:
        seen[id(node)] = len(path)
        path.append(node)
        node = parent_of[id(node)]
    return path[seen[id(node)] :]
