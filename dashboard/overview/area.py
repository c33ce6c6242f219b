"""The page's own parameters: what operations are sorted by, what the heatmap counts, and an area of it.

Before: `sort`, `heatmap`, `area_from`, `area_to`, `area_min` and `area_max` of a query string, dragged or typed.
After: `within` lists what lies in the area. What is not given is open: without `area_max` it reaches up to the slowest.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict

from dashboard.parameters import ParameterError
from dashboard.values import duration_ns, one_of, shown, time_ns

READERS = {"area_from": time_ns, "area_to": time_ns, "area_min": duration_ns, "area_max": duration_ns}
CLAIMS, OPERATIONS = "claims", "operations"
ORDERS = ("count", "p50", "p95", "p99", "errors")  # the columns of operations, each a way to sort
DEFAULT_ORDER = "p95"


@dataclass(frozen=True, slots=True)
class Area:
    """Half-open in both directions, [from_ns, to_ns) and [min_ns, max_ns); None is open."""

    from_ns: int | None = None
    to_ns: int | None = None
    min_ns: int | None = None
    max_ns: int | None = None

    def holds(self, start_ns: int, duration_ns: int) -> bool:
        """Whether something that began then and took so long lies in it."""
        return (self.from_ns is None or start_ns >= self.from_ns) and (
            (self.to_ns is None or start_ns < self.to_ns)
            and (self.min_ns is None or duration_ns >= self.min_ns)
            and (self.max_ns is None or duration_ns < self.max_ns)
        )


@dataclass(frozen=True, slots=True)
class View:
    """How the page shows what it was asked for. `heatmap` is CLAIMS, OPERATIONS, or empty: what there is."""

    sort: str
    heatmap: str
    area: Area | None


def read_view(query: QueryDict) -> View:
    """Raises ParameterError with everything that is wrong."""
    problems: dict[str, str] = {}
    found: dict[str, int | None] = {}
    for name, reader in READERS.items():
        text = query.get(name, "").strip()
        try:
            found[name] = reader(text) if text else None
        except ValueError as error:
            problems[name] = f"{name}={shown(text)} {error}"
    for low, high, than in (("area_from", "area_to", "later than"), ("area_min", "area_max", "longer than")):
        first, last = found.get(low), found.get(high)
        if first is not None and last is not None and first >= last:
            problems[high] = f"{high} has to be {than} {low}."
    words = {"sort": DEFAULT_ORDER, "heatmap": ""}
    for name, known in (("sort", [*ORDERS]), ("heatmap", [CLAIMS, OPERATIONS])):
        try:
            words[name] = one_of(known)(given) if (given := query.get(name, "").strip()) else words[name]
        except ValueError as error:
            problems[name] = f"{name}={shown(given)} {error}"
    if problems:
        raise ParameterError(problems)
    chosen = any(value is not None for value in found.values())
    return View(words["sort"], words["heatmap"], Area(*found.values()) if chosen else None)
