"""A trace's keys, spread over its spans. Plain Python.

Before: `keys` found whose the hints of one trace are. After: each span has at most one owner; `nameless` looks after
those that have none.

A trace with keys of one claim alone is that claim's, whole. In a trace of several (an agent's one question, answered
with three sandboxes) a key reaches down to what its span caused, and up through the SDK's own spans, which are about
one claim each; the agent's own spans and its calls to others stay nobody's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sandboxes.correlate.keys import FOREIGN, ORDER, Evidence, Key, SpanFacts

MAX_CLIMB = 32
CONFLICT = FOREIGN + "several"


@dataclass(frozen=True, slots=True)
class Bound:
    """A span's owner, by what, and whether that is certain."""

    owner: str
    evidence: Evidence
    exact: bool = True

    @property
    def known(self) -> bool:
        return not self.owner.startswith(FOREIGN)


class Tree:
    """The spans of one trace with their parents. Parents may be missing, or go round in a ring."""

    def __init__(self, spans: Iterable[SpanFacts]) -> None:
        self.spans = {span.span_id: span for span in spans}
        self._children: dict[str, list[str]] = defaultdict(list)
        for span in self.spans.values():
            if span.parent_span_id in self.spans:
                self._children[span.parent_span_id or ""].append(span.span_id)

    def downwards(self) -> list[str]:
        """All spans, each after its parent; of a ring, beginning anywhere."""
        order: list[str] = []
        seen: set[str] = set()
        roots = [s.span_id for s in self.spans.values() if s.parent_span_id not in self.spans]
        for start in (*roots, *self.spans):
            waiting = [start]
            while waiting:
                span_id = waiting.pop()
                if span_id not in seen:
                    seen.add(span_id)
                    order.append(span_id)
                    waiting += self._children[span_id]
        return order

    def sdk_above(self, span_id: str) -> list[str]:
        """The SDK's spans right above this one, the nearest first."""
        found: list[str] = []
        parent = self.spans[span_id].parent_span_id
        while parent in self.spans and self.spans[parent].of_sdk and len(found) < MAX_CLIMB:
            assert parent is not None
            found.append(parent)
            parent = self.spans[parent].parent_span_id
        return found


def bind(tree: Tree, keys: Sequence[Key]) -> dict[str, Bound]:
    """The owner of each span that has one; an unknown one keeps others from taking the span."""
    reaching = [key for key in keys if key.reaches]
    alone = bool(reaching) and reaching[0].known and len({key.owner for key in reaching}) == 1
    own = _own(tree, reaching, alone)
    _climb(tree, own)
    looked_after = _own(tree, [key for key in keys if not key.reaches], alone)
    bound = _spread(tree, own, looked_after)
    if alone:
        by_annotation = any(key.evidence == Evidence.ANNOTATION for key in reaching)
        rest = Bound(reaching[0].owner, Evidence.ANNOTATION if by_annotation else Evidence.SUBTREE, by_annotation)
        for span_id in tree.spans:
            if span_id not in bound or (by_annotation and bound[span_id].evidence == Evidence.SUBTREE):
                bound[span_id] = rest
    return bound


def _spread(tree: Tree, own: Mapping[str, Bound], looked_after: Mapping[str, Bound]) -> dict[str, Bound]:
    """The owners of spans with keys, and of what those caused."""
    reaching: dict[str, Bound] = {}
    bound: dict[str, Bound] = {}
    for span_id in tree.downwards():
        above = reaching.get(tree.spans[span_id].parent_span_id or "")
        if span_id in own:
            bound[span_id] = reaching[span_id] = own[span_id]
            continue
        if above:
            bound[span_id] = reaching[span_id] = Bound(above.owner, Evidence.SUBTREE, above.exact)
        if span_id in looked_after:
            bound[span_id] = looked_after[span_id]
            if above and above.owner != looked_after[span_id].owner:
                reaching.pop(span_id)
    return bound


def _own(tree: Tree, keys: Sequence[Key], alone: bool) -> dict[str, Bound]:
    """The spans that have a key themselves, with the surest of them."""
    of_span: dict[str, list[Key]] = defaultdict(list)
    for key in keys:
        span = tree.spans.get(key.span_id)
        # A log's span may be the agent's own, around several claims: it tells only of the SDK's.
        if span is not None and (alone or span.of_sdk or not key.of_log):
            of_span[key.span_id].append(key)
    return {span_id: _surest(found) for span_id, found in of_span.items()}


def _surest(keys: Sequence[Key]) -> Bound:
    known = {key.owner for key in keys if key.known}
    if len(known) > 1:
        return Bound(CONFLICT, keys[0].evidence)
    # A name not known beside a known one: a claim and its sandbox, of which we have not heard.
    best = min((key for key in keys if key.known or not known), key=lambda key: ORDER[key.evidence])
    return Bound(best.owner, best.evidence)


def _climb(tree: Tree, own: dict[str, Bound]) -> None:
    """Gives the SDK's spans without a key what those below them say, if it is one thing."""
    said: dict[str, set[str]] = defaultdict(set)
    for span_id, bound in own.items():
        for above in tree.sdk_above(span_id):
            if above in own:
                break
            said[above].add(bound.owner)
    for span_id, owners in said.items():
        owner = next(iter(owners)) if len(owners) == 1 else CONFLICT
        own[span_id] = Bound(owner, Evidence.SUBTREE)


def around(tree: Tree, span_id: str, bound: Mapping[str, Bound]) -> list[str]:
    """A span without an owner, the SDK's spans above it and what it caused, as far as they have none."""
    above = [each for each in tree.sdk_above(span_id) if each not in bound]
    found = {span_id, *above}
    for each in tree.downwards():
        if tree.spans[each].parent_span_id in found and each not in bound:
            found.add(each)
    return sorted(found)
