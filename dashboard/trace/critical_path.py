"""The critical path of a trace: for each moment, the span the trace was waiting for. Plain Python.

Before: `tree`. After: `waterfall` draws it as a line under the bars.

Walked backwards from the end: of the spans below one, that which ended last before the moment looked at is what held it
up; where none was running it held itself up. A span that outlives its parent (the parent sent a message and went on)
counts as running below the nearest ancestor that was still there.
"""

from __future__ import annotations

from collections import defaultdict

from dashboard.trace.tree import Node, TraceTree

MOST_ANCESTORS = 64  # to look through for one still running: a hostile trace is 5,000 deep

Segment = tuple[int, int]  # start and end, ns


def critical_path(tree: TraceTree) -> dict[int, list[Segment]]:
    """The parts of the path by id(node), each list from late to early."""
    below = _running_below(tree)
    segments: dict[int, list[Segment]] = defaultdict(list)
    top = Node("", None, tree.start_ns, tree.end_ns)
    # (node, from, to): the window of time in which the node is what is waited for
    stack = [(top, tree.start_ns, tree.end_ns)]
    while stack:
        node, from_ns, to_ns = stack.pop()
        moment_ns = to_ns
        # By end, the last one first. Compared in place: `min` and `max` would be a third of all this.
        for child in below.get(id(node) if node is not top else 0, ()):
            end_ns = child.end_ns if child.end_ns < moment_ns else moment_ns
            start_ns = child.start_ns if child.start_ns > from_ns else from_ns
            if start_ns >= end_ns:
                continue
            if end_ns < moment_ns:
                segments[id(node)].append((end_ns, moment_ns))
            stack.append((child, start_ns, end_ns))
            moment_ns = start_ns
        if moment_ns > from_ns:
            segments[id(node)].append((from_ns, moment_ns))
    segments.pop(id(top), None)
    return segments


def _running_below(tree: TraceTree) -> dict[int, list[Node]]:
    """For each node, by id, the nodes that count as running below it, the last to end first. 0: the whole trace."""
    below: dict[int, list[Node]] = defaultdict(list)
    above: list[Node] = []  # the ancestors of the node the walk is at
    for node in tree.walk():
        del above[node.depth :]
        host = _host(node, above)
        below[id(host) if host else 0].append(node)
        above.append(node)
    for nodes in below.values():
        if len(nodes) > 1:
            nodes.sort(key=lambda node: (-node.end_ns, node.start_ns))
    return below


def _host(node: Node, above: list[Node]) -> Node | None:
    """The nearest ancestor that was there all the time; if there is none, the nearest that was there at its start."""
    if above and node.end_ns <= above[-1].end_ns and node.start_ns < above[-1].end_ns:  # as nearly all are
        return above[-1]
    there_at_start = None
    for ancestor in above[: -MOST_ANCESTORS - 1 : -1]:  # the parent first
        if node.start_ns < ancestor.end_ns:
            if node.end_ns <= ancestor.end_ns:
                return ancestor
            there_at_start = there_at_start or ancestor
    return there_at_start
