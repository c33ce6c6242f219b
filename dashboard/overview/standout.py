"""Which attributes stand out in an area: values far more frequent in it than in the rest. Plain Python.

Before: `within` has samples of both, each item as texts by key. After: the page lists them with both counts, because
 a share without its numbers looks surer than it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

MOST = 8
LEAST_DIFFERENCE = 0.15  # of the shares
LEAST_SURE = 3.0  # standard errors of the difference: among hundreds of values some differ by two
LONGEST_VALUE = 200  # characters; longer ones are told apart by nobody


@dataclass(frozen=True, slots=True)
class Standout:
    """`value` of `key` has `inside` of `inside_of` items in the area, and `outside` of `outside_of` in the rest."""

    key: str
    value: str
    inside: int
    inside_of: int
    outside: int
    outside_of: int

    @property
    def inside_percent(self) -> int:
        return _percent(self.inside, self.inside_of)

    @property
    def outside_percent(self) -> int:
        return _percent(self.outside, self.outside_of)

    @property
    def difference(self) -> float:
        return self.inside / self.inside_of - self.outside / max(1, self.outside_of)


def stand_out(inside: Sequence[Mapping[str, str]], outside: Sequence[Mapping[str, str]]) -> list[Standout]:
    """The values whose share is larger in the area, the largest difference first; one value for each key.

    Nothing without both sides: against nothing, everything would stand out.
    """
    if not inside or not outside:
        return []
    within, rest = _counted(inside), _counted(outside)
    found = [
        Standout(key, value, count, len(inside), rest[key, value], len(outside))
        for (key, value), count in within.items()
    ]
    found = [one for one in found if one.difference >= LEAST_DIFFERENCE and _sureness(one) >= LEAST_SURE]
    found.sort(key=lambda one: (-one.difference, one.key, one.value))
    first_of_key: dict[str, Standout] = {}
    for one in found:
        first_of_key.setdefault(one.key, one)
    return list(first_of_key.values())[:MOST]


def _counted(items: Iterable[Mapping[str, str]]) -> Counter[tuple[str, str]]:
    return Counter((key, value) for item in items for key, value in item.items() if len(value) <= LONGEST_VALUE)


def _sureness(one: Standout) -> float:
    """The difference in standard errors of both shares, were they the same."""
    together = (one.inside + one.outside) / (one.inside_of + one.outside_of)
    error = sqrt(together * (1 - together) * (1 / one.inside_of + 1 / one.outside_of))
    return one.difference / error if error else 0.0


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
