"""The clocks a claim's moments were read from, how finely they count, and how far apart they are. Plain Python.

Before: `sandboxes.lifecycle` has dated the moments. After: the foot of the timeline names them.
"""

from __future__ import annotations

from sandboxes.records import Lifecycle, Milestone


def clocks(lifecycle: Lifecycle) -> list[str]:
    """Every clock the moments were read from, with its precision at best and at worst, and a skew that shows."""
    by_clock: dict[str, list[int]] = {}
    for moment in lifecycle.moments.values():
        by_clock.setdefault(moment.clock, []).append(moment.precision_ns)
    found = [f"{clock}: {_precision(min(all_), max(all_))}" for clock, all_ in by_clock.items()]
    return [_skew(lifecycle), *found]


def _precision(best_ns: int, worst_ns: int) -> str:
    best, worst = _unit(best_ns), _unit(worst_ns)
    return best if best == worst else f"{best} to {worst}"


def _unit(ns: int) -> str:
    return "s" if ns >= 10**9 else "ms" if ns >= 10**6 else "µs" if ns >= 10**3 else "ns"


def _skew(lifecycle: Lifecycle) -> str:
    """The client asked before the cluster had it, and heard after it was said: anything else is skew."""
    moments = lifecycle.moments
    asked, made = moments.get(Milestone.REQUESTED), moments.get(Milestone.CREATED)
    said, heard = moments.get(Milestone.CLAIM_READY), moments.get(Milestone.CLIENT_READY)
    if asked is None and heard is None:
        return "no client clock to compare with"
    ahead_ns = asked.lower_ns - made.upper_ns if asked and made else 0
    behind_ns = said.lower_ns - heard.upper_ns if said and heard else 0
    if max(ahead_ns, behind_ns) <= 0:
        return "no client to cluster skew seen, nothing corrected"
    side, ns = ("ahead of", ahead_ns) if ahead_ns > behind_ns else ("behind", behind_ns)
    return f"the client's clock is at least {ns / 10**6:.0f} ms {side} the cluster's; not corrected"
