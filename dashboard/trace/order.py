"""A trace's rows in their order, each with its depth and owner; nothing is drawn yet. Plain Python, no Django.

Before: `tree` has put the spans in their place. After: `waterfall` draws those that are shown at first, or all.

Putting 5,000 rows in order takes a sixth of drawing them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashboard.owners import CLIENT, INSTRUMENTATION, PROGRAM, owner
from dashboard.trace.tree import Node, SpanFacts, TraceTree

FOLD_BELOW_NS = 10**6
FOLD_FROM = 3  # rows; fewer are not in the way
FOLD_IN_TRACES_FROM_NS = 50 * FOLD_BELOW_NS  # in a shorter trace a millisecond is worth a row
CLIENT_KIND = 3
# A longer trace is drawn in parts: what is seen at first, and as much around the selected span. The rest comes when the
# reader scrolls there or looks for something.
WHOLE_TO_ROWS = 1_000
PART_ROWS = 500


@dataclass(slots=True, eq=False)
class Place:
    """Of a row: for a node, or for the fold of small siblings (`folded`; then `node` is the first of them)."""

    node: Node
    depth: int
    parent: Place | None
    owner: str
    hidden: bool = False  # in a fold
    folded: list[Node] | None = None


# Siblings that are still to be placed, small ones to fold as one; their depth; their parent's row; whether in a fold.
Level = tuple[Iterator[Node | list[Node]], int, Place | None, bool]


def places(tree: TraceTree, keep: str = "") -> list[Place]:
    """A place a row, from top to bottom; the span with the id `keep` is not folded away."""
    return _Ordering(tree, keep).places()


def parts(found: list[Place], selected: str) -> list[range]:
    """Which rows to draw at first, by their numbers: the beginning, and what is around the span selected."""
    count = len(found)
    if count <= WHOLE_TO_ROWS:
        return [range(count)]
    first = range(PART_ROWS)
    at = next((number for number, place in enumerate(found) if place.node.span_id == selected), 0) if selected else 0
    begin, end = at - PART_ROWS // 2, min(at + PART_ROWS // 2, count)
    if begin <= PART_ROWS:
        return [range(max(PART_ROWS, end))]
    return [first, range(begin, end)]


class _Ordering:
    def __init__(self, tree: TraceTree, keep: str) -> None:
        self.tree = tree
        self.keep = keep
        self.folds = tree.end_ns - tree.start_ns >= FOLD_IN_TRACES_FROM_NS
        self.known_owners: dict[tuple[str, str, str], str] = {}  # of spans whose attributes say nothing of it
        self.instrumentation: set[str] = set()  # scopes whose spans' attributes may

    def places(self) -> list[Place]:
        found: list[Place] = []
        stack: list[Level] = [(iter(self._below(self.tree.roots)), 0, None, False)]
        while stack:
            siblings, depth, parent, hidden = stack[-1]
            for item in siblings:  # until one has something below it: then that comes first
                if isinstance(item, list):
                    place = self._fold(item, depth, parent)
                    stack.append((iter(item), depth + 1, place, True))
                else:
                    place = Place(item, depth, parent, self._owner(item.span, parent), hidden)
                    if not item.children:
                        found.append(place)
                        continue
                    stack.append((iter(self._below(item.children)), depth + 1, place, False))
                found.append(place)
                break
            else:
                stack.pop()
        return found

    def _below(self, nodes: list[Node]) -> Sequence[Node | list[Node]]:
        """What to place for these siblings: the small ones as one at the end."""
        if not self.folds or len(nodes) < FOLD_FROM:
            return nodes
        short = [node for node in nodes if node.end_ns - node.start_ns < FOLD_BELOW_NS]
        small = [node for node in short if self._may_fold(node)] if len(short) >= FOLD_FROM else []
        if len(small) < FOLD_FROM:
            return nodes
        folded = {id(node) for node in small}
        return [*(node for node in nodes if id(node) not in folded), small]

    def _may_fold(self, node: Node) -> bool:
        span = node.span
        return (
            span is not None
            and span.duration_ns is not None
            and span.duration_ns >= 0
            and not (node.children or span.is_error or node.in_cycle or node.span_id == self.keep)
        )

    def _owner(self, span: SpanFacts | None, parent: Place | None) -> str:
        """Its own; a call to somebody else belongs to whoever makes it."""
        if span is None:
            return PROGRAM
        key = (span.service, span.scope, span.name)
        found = self.known_owners.get(key)
        if found is None:
            found = self.known_owners[key] = owner(*key)
            if span.scope.startswith(INSTRUMENTATION):
                self.instrumentation.add(span.scope)
        if span.scope in self.instrumentation and span.attributes:
            found = owner(*key, span.attributes)
        if found == PROGRAM and span.kind == CLIENT_KIND and parent and parent.owner == CLIENT:
            return CLIENT
        return found

    def _fold(self, nodes: list[Node], depth: int, parent: Place | None) -> Place:
        owners = {self._owner(node.span, None) for node in nodes}
        return Place(nodes[0], depth, parent, owners.pop() if len(owners) == 1 else "", folded=nodes)
