"""Time ranges to offer when a list is empty and there is something further back."""

from __future__ import annotations

import time
from collections.abc import Mapping


def reaching(ns: int, ranges_s: Mapping[str, int]) -> str:
    """The shortest of the ranges that still holds this moment for a while, else `all`."""
    age_s = (time.time_ns() - ns) / 10**9
    return next((name for name, length_s in ranges_s.items() if 0 <= age_s < length_s * 0.9), "all")
