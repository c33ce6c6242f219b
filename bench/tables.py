"""What a benchmark prints: a title and its figures."""

from __future__ import annotations

import sys


def quantile(values: list[float], q: float) -> float:
    """By nearest rank."""
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def table(title: str, rows: list[tuple[str, str]]) -> None:
    """Prints it at once."""
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<48}{value:>20}")
    sys.stdout.flush()
