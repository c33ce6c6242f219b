"""What a benchmark prints: a title and its figures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping


def quantile(values: list[float], q: float) -> float:
    """By nearest rank."""
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def table(title: str, rows: list[tuple[str, str]]) -> None:
    """Prints it at once."""
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<48}{value:>20}")
    sys.stdout.flush()


def looks(get: Callable[[str], object], paths: Mapping[str, str], times: int) -> list[tuple[str, str]]:
    """How long pages take, by name: median and worst of so many looks."""
    rows = []
    for name, path in paths.items():
        times_ms = []
        for _ in range(times):
            began = time.perf_counter()
            get(path)
            times_ms.append((time.perf_counter() - began) * 1e3)
        rows.append((name, f"{quantile(times_ms, 0.5):.1f}, {max(times_ms):.1f} ms"))
    return rows
