"""Small pictures the server draws itself: a sparkline, and a strip of dots on a logarithmic line.

Before: plain arrays. After: coordinates for `<svg>`; template tags `sparkline` and `dots` (templatetags/charts.py).
They need no Plotly, no JavaScript and no request, so that a table may have fifty of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, PAD = 96.0, 24.0, 2.5


@dataclass(frozen=True, slots=True)
class Sparkline:
    """An SVG path in a box of WIDTH x HEIGHT; the last value is a dot."""

    path: str
    end: tuple[float, float] | None


def sparkline(values: Sequence[float | None]) -> Sparkline:
    """Evenly spaced values from zero up; None breaks the line."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    highest = max(known, default=0.0) or 1.0
    across = (WIDTH - 2 * PAD) / max(1, len(values) - 1)
    path, end, pen = [], None, "M"
    for at, value in enumerate(values):
        if value is None or not math.isfinite(value):
            pen = "M"
            continue
        end = round(PAD + at * across, 1), round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * max(0.0, value) / highest, 1)
        path.append(f"{pen}{end[0]} {end[1]}")
        pen = "L"
    return Sparkline("".join(path), end)


def log_places(values: Sequence[float], low: float, high: float) -> list[float]:
    """Where values lie on a logarithmic line from `low` to `high`, in percent of it."""
    if not 0 < low < high:
        return [0.0 for _ in values]
    length = math.log(high / low)
    return [round(100 * min(1.0, max(0.0, math.log(max(value, low) / low) / length)), 2) for value in values]
