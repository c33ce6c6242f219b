"""An area of the heatmap: between two moments and two durations, as the address has it.

Before: `area_from`, `area_to`, `area_min` and `area_max` of a query string, from a drag or typed into the fields.
After: `standout` lists what lies in it. What is not given is open: without `area_max` it reaches up to the slowest.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict

from dashboard.parameters import ParameterError
from dashboard.values import duration_ns, shown, time_ns

READERS = {"area_from": time_ns, "area_to": time_ns, "area_min": duration_ns, "area_max": duration_ns}


@dataclass(frozen=True, slots=True)
class Area:
    """Half-open in both directions, [from_ns, to_ns) and [min_ns, max_ns); None is open."""

    from_ns: int | None = None
    to_ns: int | None = None
    min_ns: int | None = None
    max_ns: int | None = None


def read_area(query: QueryDict) -> Area | None:
    """The area in the address, None when it has none. Raises ParameterError."""
    problems: dict[str, str] = {}
    found: dict[str, int | None] = {}
    for name, reader in READERS.items():
        text = query.get(name, "").strip()
        try:
            found[name] = reader(text) if text else None
        except ValueError as error:
            problems[name] = f"{name}={shown(text)} {error}"
    for low, high, words in (("area_from", "area_to", "later than"), ("area_min", "area_max", "longer than")):
        first, last = found.get(low), found.get(high)
        if first is not None and last is not None and first >= last:
            problems[high] = f"{high} has to be {words} {low}."
    if problems:
        raise ParameterError(problems)
    return Area(*found.values()) if any(value is not None for value in found.values()) else None
