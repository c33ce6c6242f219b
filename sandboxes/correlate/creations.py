"""Which claim a POST made that does not name it, by elimination. Plain Python.

Before: `nameless` found the POSTs and the claims of the same few seconds. After: the claims each POST may have made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sandboxes.correlate.claims import ClaimFacts
from sandboxes.correlate.keys import Evidence, SpanFacts
from sandboxes.records import SECOND

# The SDK stamps a claim and posts it in one go; with twenty threads at once some 40 ms lay between.
MAX_TO_POST_NS = 2 * SECOND

Place = tuple[str, str]  # a span: trace id, span id
FirstAsked = Mapping[str, Mapping[int, int]]  # by claim uid and resource: when a program first asked for the claim


@dataclass(frozen=True, slots=True)
class Post:
    """A request that made a claim."""

    place: Place
    span: SpanFacts


@dataclass(frozen=True, slots=True)
class Choice:
    """The claims a call may be of; decided, when it is one and no other call may be of it."""

    claims: tuple[ClaimFacts, ...] = ()
    decided: bool = False
    evidence: Evidence = Evidence.TIME


def match(
    posts: Collection[Post], claims: Collection[ClaimFacts], settled: Mapping[Place, str], asked: FirstAsked
) -> dict[Place, Choice]:
    """For each POST that is not settled the claims it may have made.

    It is decided when each is the other's only choice. If only one side were alone, a POST that was not traced, or a
    claim that is not watched, would give a claim to the wrong one.
    """
    taken = set(settled.values())
    left = [claim for claim in claims if claim.uid not in taken]
    choices = {
        post.place: {claim for claim in left if _may_be(post.span, claim, asked.get(claim.uid, {}))}
        for post in posts
        if post.place not in settled
    }
    wanted = Counter(claim for each in choices.values() for claim in each)
    return {
        place: Choice(tuple(sorted(each, key=lambda claim: (claim.begin_ns, claim.uid))), _is_pair(each, wanted))
        for place, each in choices.items()
    }


def _is_pair(choices: Collection[ClaimFacts], wanted: Counter[ClaimFacts]) -> bool:
    return len(choices) == 1 and all(wanted[claim] == 1 for claim in choices)


def _may_be(span: SpanFacts, claim: ClaimFacts, first_asked: Mapping[int, int]) -> bool:
    """The client stamps a claim before it posts it, and asks for it after that, all by one clock."""
    if claim.requested_ns is not None:
        in_time = 0 <= span.start_ns - claim.requested_ns <= MAX_TO_POST_NS
    else:
        in_time = claim.created_ns is not None and -SECOND <= claim.created_ns - span.start_ns + SECOND <= 3 * SECOND
    if not in_time or not first_asked:
        return in_time
    return span.resource_id in first_asked and first_asked[span.resource_id] >= span.end_ns
