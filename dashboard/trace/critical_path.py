"""The critical path of a trace: for each moment, the span the trace was waiting for. Plain Python.

Before: `tree`. After: `waterfall` draws it as a line under the bars.

Walked backwards from the end: of the spans below one, that which ended last before the moment looked at is what held it
up; where none was running it held itself up. A span that outlives its parent (the parent sent a message and went on)
counts as running below the nearest ancestor that was still there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from dashboard.trace.tree import Node, TraceTree

MOST_ANCESTORS = 64  # to look through for one still running: a hostile trace is 5,000 deep

Segment = tuple[int, int]  # start and end, ns


def critical_path(tree: TraceTree, shortest_ns: float = 0) -> dict[int, list[Segment]]:
    """The parts of the path by id(node), each list from late to early, without those shorter than `shortest_ns`.

    Where many parts are shorter, this takes a sixth of the time: nothing below a short part is looked at.
    """
    segments: dict[int, list[Segment]] = defaultdict(list)
    top = Node("", None, tree.start_ns, tree.end_ns, tree.roots)
    strays = _strays(tree, top)
    # (node, from, to): the window of time in which the node is what is waited for
    stack = [(top, tree.start_ns, tree.end_ns)]
    while stack:
        node, from_ns, to_ns = stack.pop()
        moment_ns = to_ns
        # Compared in place: `min` and `max` would be a third of all this.
        for child in _running_below(node, strays):
            end_ns = child.end_ns if child.end_ns < moment_ns else moment_ns
            start_ns = child.start_ns if child.start_ns > from_ns else from_ns
            if start_ns >= end_ns:
                continue
            if moment_ns - end_ns >= shortest_ns and end_ns < moment_ns:
                segments[id(node)].append((end_ns, moment_ns))
            if end_ns - start_ns >= shortest_ns:
                stack.append((child, start_ns, end_ns))
            moment_ns = start_ns
        if moment_ns - from_ns >= shortest_ns and moment_ns > from_ns:
            segments[id(node)].append((from_ns, moment_ns))
    segments.pop(id(top), None)
    return segments


@dataclass(slots=True)
class _Strays:
    """Spans that outlive their parents: their ids, and they themselves by the id of the ancestor they count below."""

    ids: set[int] = field(default_factory=set)
    below: dict[int, list[Node]] = field(default_factory=lambda: defaultdict(list))


def _strays(tree: TraceTree, top: Node) -> _Strays:
    """Of the whole tree: a span far below may be what the trace waits for when nothing above it is running any more."""
    found = _Strays()
    above: list[Node] = []  # the ancestors of the node the walk is at, and itself
    for node in tree.walk():
        if not node.children:
            continue
        del above[node.depth :]
        above.append(node)
        until_ns = node.end_ns
        for child in node.children:
            if child.end_ns > until_ns or child.start_ns >= until_ns:
                found.ids.add(id(child))
                found.below[id(_host(child, above) or top)].append(child)
    return found


def _running_below(node: Node, strays: _Strays) -> list[Node]:
    """What counts as running below a node, the last to end first."""
    nodes = node.children
    if strays.ids:
        nodes = [child for child in nodes if id(child) not in strays.ids] + strays.below.get(id(node), [])
    return sorted(nodes, key=_by_end) if len(nodes) > 1 else nodes


def _by_end(node: Node) -> tuple[int, int]:
    return -node.end_ns, node.start_ns


def _host(node: Node, above: list[Node]) -> Node | None:
    """The nearest ancestor that was there all the time; if there is none, the nearest that was there at its start."""
    there_at_start = None
    for ancestor in above[: -MOST_ANCESTORS - 1 : -1]:  # the parent first
        if node.start_ns < ancestor.end_ns:
            if node.end_ns <= ancestor.end_ns:
                return ancestor
            there_at_start = there_at_start or ancestor
    return there_at_start
