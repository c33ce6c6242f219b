"""Two ranges of time side by side: what each operation took in both, and whether it moved.

Before: the two ranges, from `dashboard.two_ranges`. After: the page, compared_operations.csv and the API;
`sandboxes.latency` asks the same of stages.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

from collector.latency.figures import Figures, Tally, together
from collector.latency.intervals import Interval, Verdict, of_percentiles, of_share, verdict
from collector.latency.operations import totals
from collector.latency.ranges import Range
from collector.models import Operation
from collector.queries import TelemetryFilter

SIDES_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SIDES_ORDERS = ("p95", "p50", "p99", "errors", "count")

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Side:
    """What was measured in one of the ranges, and how well its percentiles and its share of errors are known.

    Worked out when it is asked for: of two thousand operations only one percentile is, of those shown all.
    """

    tally: Tally
    _known: dict[str, tuple[float, Interval]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def figures(self) -> Figures:
        """Percentiles in ns, counts."""
        return self.tally.figures()

    def interval(self, name: str) -> Interval:
        """Of p50, p95 and p99 in ns, of errors 0 to 1."""
        return self._known_of(name)[1]

    @property
    def error_share(self) -> float:
        """0 to 1."""
        return self.tally.errors / self.tally.all.count if self.tally.all.count else 0.0

    def value(self, name: str) -> float:
        """Of p50, p95, p99 in ns, of errors as a share."""
        return self._known_of(name)[0]

    def _known_of(self, name: str) -> tuple[float, Interval]:
        found = self._known.get(name)
        if found is None:
            measured = self.tally.all
            if name == "errors":
                found = self.error_share, of_share(self.tally.errors, measured.count)
            else:
                wanted = (SIDES_PERCENTILES[name],)
                found = float(measured.percentiles(wanted)[0] or 0), of_percentiles(measured, wanted)[0]
            self._known[name] = found
        return found


@dataclass(frozen=True, slots=True)
class Moved:
    """By how much b is more than a, in ns, or as a share of errors, and whether that is more than noise."""

    difference: float
    verdict: Verdict

    @property
    def sure(self) -> bool:
        return self.verdict in (Verdict.MORE, Verdict.LESS)


class Pair(Protocol):
    """Something measured in both ranges; None in one that does not have it."""

    @property
    def a(self) -> Side | None: ...
    @property
    def b(self) -> Side | None: ...


@dataclass(frozen=True, slots=True)
class OperationOfTwo:
    """An operation in both ranges."""

    operation_id: int
    service: str
    name: str
    kind: int
    a: Side | None
    b: Side | None


@dataclass(frozen=True, slots=True)
class OperationsOfTwo:
    """Every operation of either range, and all of them together."""

    operations: list[OperationOfTwo]
    a: Side | None
    b: Side | None


def operations_of_two(f: TelemetryFilter, a: Range, b: Range) -> OperationsOfTwo:
    """What the filter means in both ranges, whatever range it has itself; in no order that says anything."""
    left, right = totals(f, a), totals(f, b)
    found = pairs(left, right)
    names = Operation.objects.filter(pk__in=found).values_list("id", "service", "name", "kind")
    return OperationsOfTwo(
        [OperationOfTwo(operation, service, name, kind, *found[operation]) for operation, service, name, kind in names],
        side(together(left.values())),
        side(together(right.values())),
    )


def pairs(a: Mapping[Key, Tally], b: Mapping[Key, Tally]) -> dict[Key, tuple[Side | None, Side | None]]:
    """What either has, with both its sides."""
    return {key: (side(a.get(key)), side(b.get(key))) for key in dict.fromkeys([*a, *b])}


def side(tally: Tally | None) -> Side | None:
    """What is told of measurements; None of nothing."""
    if tally is None or not tally.all.count:
        return None
    return Side(tally)


def moved(pair: Pair, name: str, precision_ns: int = 1) -> Moved | None:
    """How p50, p95, p99 or errors moved; None where one side has nothing.

    What the clocks cannot tell apart is noise, however sure the counts are of it.
    """
    if pair.a is None or pair.b is None:
        return None
    difference = pair.b.value(name) - pair.a.value(name)
    found = verdict(pair.a.interval(name), pair.b.interval(name))
    if found in (Verdict.MORE, Verdict.LESS) and name != "errors" and abs(difference) < precision_ns:
        found = Verdict.NOISE
    return Moved(difference, found)


Paired = TypeVar("Paired", bound=Pair)


def most_moved_first(found: Iterable[Paired], a: Range, b: Range, order: str) -> list[Paired]:
    """What both ranges have: first what moved for sure, the most first. `order` is one of SIDES_ORDERS."""
    both = [pair for pair in found if pair.a is not None and pair.b is not None]
    return sorted(both, key=lambda pair: _place(pair, a, b, order))


def _place(pair: Pair, a: Range, b: Range, order: str) -> tuple[bool, float]:
    if order != "count":
        found = moved(pair, order)
        return (True, 0.0) if found is None else (not found.sure, -abs(found.difference))
    before, after = (side.tally.all.count if side else 0 for side in (pair.a, pair.b))
    # Ranges of different lengths: how often, not how many.
    return False, -abs(after / (b.to_ns - b.from_ns) - before / (a.to_ns - a.from_ns))


def alone(found: Iterable[Paired]) -> Sequence[Paired]:
    """What only one of the ranges has, the most frequent first."""

    def count(pair: Paired) -> int:
        return sum(side.tally.all.count for side in (pair.a, pair.b) if side)

    return sorted((pair for pair in found if pair.a is None or pair.b is None), key=count, reverse=True)
