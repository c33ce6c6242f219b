"""The steps of time a chart has: round, few enough to draw, and aligned: a live chart moves by whole steps.

Before: the bounds of a question. After: a Window, and the starts of its steps.
"""

from __future__ import annotations

import time

from dashboard.charts.chart import Window

MOST_STEPS = 240  # a point for every four or five pixels
SECOND = 10**9
STEPS_NS = [
    n * SECOND
    for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 604_800)
]


def window(
    from_ns: int | None,
    to_ns: int | None,
    oldest_ns: int,
    *,
    most_steps: int = MOST_STEPS,
    at_least_ns: int = SECOND,
) -> Window:
    """Whole steps around [from_ns, to_ns). Without an end it ends with the step that is under way; without a beginning
    it begins with `oldest_ns`, the oldest there is."""
    end_ns = time.time_ns() if to_ns is None else to_ns
    start_ns = min(oldest_ns, end_ns - SECOND) if from_ns is None else from_ns
    wanted_ns = max(at_least_ns, (end_ns - start_ns) // most_steps)
    step_ns = next((step for step in STEPS_NS if step >= wanted_ns), 0) or -(-wanted_ns // STEPS_NS[-1]) * STEPS_NS[-1]
    return Window(start_ns // step_ns * step_ns, -(-end_ns // step_ns) * step_ns, step_ns)


def starts(of: Window) -> list[int]:
    """When each of its steps begins."""
    return list(range(of.from_ns, of.to_ns, of.step_ns))
