"""The claims of a pool to counts, warm hits and percentiles. Plain Python.

Before: `reading` has the claims of the time range. After: a row of the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from collector.percentiles import nearest
from sandboxes.pools.shapes import ClaimRow, Figures, Spread
from sandboxes.records import StartType, State

MISSING = frozenset({"pool missing", "template as pool"})
DRAINED = "pool drained"


def figures(claims: Sequence[ClaimRow]) -> Figures:
    """What a pool's claims come to."""
    types = Counter(claim.start_type for claim in claims)
    states = Counter(claim.state for claim in claims)
    return Figures(
        claims=len(claims),
        served=sum(claim.ready_ns is not None for claim in claims),
        warm=types[StartType.WARM],
        cold=types[StartType.COLD],
        failed=states[State.FAILED],
        waiting=states[State.STARTING] + states[State.STUCK],
        spreads={start: found for start in (StartType.COLD, StartType.WARM) if (found := _spread(claims, start))},
        causes=dict(Counter(claim.cause for claim in claims if claim.cause).most_common()),
    )


def _spread(claims: Sequence[ClaimRow], start: StartType) -> Spread | None:
    values = sorted(
        claim.time_to_ready_ns for claim in claims if claim.start_type == start and claim.time_to_ready_ns is not None
    )
    return Spread(len(values), nearest(values, 0.5), nearest(values, 0.95)) if values else None
