"""Whose the spans of some traces are, as it looks now: a group of traces in, links out.

Before: `Correlator` knows which traces have news. After: it writes the links in place of those that were there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from django.db import DatabaseError

from sandboxes.correlate.binding import Bound, Tree, around, bind
from sandboxes.correlate.claims import Claims
from sandboxes.correlate.keys import AMBIGUOUS, EVIDENCE, EXACT, INFERRED, HintFacts, LinkRow, key_of
from sandboxes.correlate.nameless import Nameless
from sandboxes.correlate.reading import read_hints, read_spans
from sandboxes.hints import HintKind

log = logging.getLogger(__name__)

NAMELESS = frozenset({HintKind.CREATE, HintKind.COMMAND, HintKind.CALL})
MAX_CANDIDATES = 32  # listed for one span


class Traces:
    """Some traces with all that is known of them, read at once."""

    def __init__(self, trace_ids: Collection[str], annotated: Mapping[str, Sequence[HintFacts]]) -> None:
        """`annotated`: the traces that claims name, as hints that are not written yet."""
        self.spans = read_spans(trace_ids)
        self.hints = read_hints(trace_ids)
        for trace_id in trace_ids:
            self.hints.setdefault(trace_id, []).extend(annotated.get(trace_id, ()))
        self.claims = Claims()
        hints = [hint for found in self.hints.values() for hint in found]
        self.claims.read_named(hint.value for hint in hints if hint.kind in EVIDENCE)
        self.claims.read_uids({hint.value for hint in hints if hint.kind == HintKind.ANNOTATION})

    def by_name(self) -> dict[str, list[LinkRow]]:
        """The links that names show, by trace."""
        return self._each(lambda trace_id: _rows(trace_id, self._bound(trace_id)))

    def by_name_and_time(self, by_name: Mapping[str, Sequence[LinkRow]]) -> dict[str, list[LinkRow]]:
        """Those, and what time shows of calls without a name, given what names have just shown of other traces."""
        nameless = Nameless(self.claims, by_name)

        def links_of(trace_id: str) -> list[LinkRow]:
            bound = self._bound(trace_id)
            return _rows(trace_id, bound) + self._of_calls(trace_id, bound, nameless)

        return self._each(links_of)

    def _each(self, links_of: Callable[[str], list[LinkRow]]) -> dict[str, list[LinkRow]]:
        """A trace that cannot be decided must not hold up all others for ever; it keeps the links it has."""
        found = {}
        for trace_id in self.hints:
            try:
                found[trace_id] = links_of(trace_id)
            except DatabaseError:
                raise
            except Exception:
                log.exception("trace %s could not be joined with its claims", trace_id)
        return found

    def has_nameless(self, trace_id: str) -> bool:
        """Whether a call of the trace names nothing."""
        return any(hint.kind in NAMELESS for hint in self.hints[trace_id])

    def _bound(self, trace_id: str) -> dict[str, Bound]:
        spans = self.spans.get(trace_id, {})
        keys = [key_of(hint, spans.get(hint.span_id), self.claims) for hint in self.hints[trace_id]]
        return bind(Tree(spans.values()), [key for key in keys if key is not None])

    def _of_calls(self, trace_id: str, bound: Mapping[str, Bound], nameless: Nameless) -> list[LinkRow]:
        spans = self.spans.get(trace_id, {})
        tree = Tree(spans.values())
        calls = {hint.span_id: hint for hint in self.hints[trace_id] if hint.kind in NAMELESS}
        rows: list[LinkRow] = []
        answered: set[str] = set()
        for span_id in tree.downwards():
            if span_id not in calls or span_id in bound or span_id in answered:
                continue
            choice = nameless.choice(calls[span_id], spans[span_id])
            reached = [each for each in around(tree, span_id, bound) if each not in answered]
            answered.update(reached)
            certainty = INFERRED if choice.decided else AMBIGUOUS
            for claim in choice.claims[:MAX_CANDIDATES]:
                rows += (LinkRow(claim.uid, trace_id, each, choice.evidence.value, certainty) for each in reached)
        return rows


def _rows(trace_id: str, bound: Mapping[str, Bound]) -> list[LinkRow]:
    return [
        LinkRow(each.owner, trace_id, span_id, each.evidence.value, EXACT if each.exact else INFERRED)
        for span_id, each in bound.items()
        if each.known
    ]
