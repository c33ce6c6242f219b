"""The clocks a claim's moments were read from, and how finely they count. Plain Python.

Before: `sandboxes.lifecycle` has dated the moments. After: the foot of the timeline names them.
"""

from __future__ import annotations

from sandboxes.records import Lifecycle


def clocks(lifecycle: Lifecycle) -> list[str]:
    """Every clock the moments were read from, with its precision at best and at worst."""
    by_clock: dict[str, list[int]] = {}
    for moment in lifecycle.moments.values():
        by_clock.setdefault(moment.clock, []).append(moment.precision_ns)
    return [f"{clock}: {_precision(min(all_), max(all_))}" for clock, all_ in by_clock.items()]


def _precision(best_ns: int, worst_ns: int) -> str:
    best, worst = _unit(best_ns), _unit(worst_ns)
    return best if best == worst else f"{best} to {worst}"


def _unit(ns: int) -> str:
    return "s" if ns >= 10**9 else "ms" if ns >= 10**6 else "µs" if ns >= 10**3 else "ns"
