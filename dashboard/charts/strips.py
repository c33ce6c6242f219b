"""A small picture the server draws itself: a sparkline.

Before: a plain array. After: coordinates for `<svg>`; the template tag `sparkline` (templatetags/charts.py). It needs
no Plotly, no JavaScript and no request, so that a table may have fifty of them.
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
