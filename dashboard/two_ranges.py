"""Which two ranges of time are compared: B is the one that `range`, `from` and `to` name, as everywhere; A is another.

Before: parameters, as `dashboard.parameters` read them. After: the page, compared_stages.csv and
compared_operations.csv, and /api/v1/compare ask both ranges the same.

`with` says which A is: `before` it, of the same length; the same times a `day` or a `week` earlier; `with_from` and
`with_to` give one of its own. So the address has both ranges, and all filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from collector.latency.ranges import Range, asked
from collector.latency.sides import SIDES_ORDERS
from collector.records import NS_PER_DAY
from collector.rollup import Subject
from collector.rollup.windows import NS_PER_S
from dashboard.parameters import ParameterError, Parameters
from dashboard.values import one_of, shown, time_ns

BEFORE, DAY, WEEK = "before", "day", "week"
SHIFTS_NS = {DAY: NS_PER_DAY, WEEK: 7 * NS_PER_DAY}
OTHERS = [  # `with`, in short, in words
    (BEFORE, "Time before", "the time of the same length before it"),
    (DAY, "Day before", "the same time a day before"),
    (WEEK, "Week before", "the same time a week before"),
]
WITHS = tuple(name for name, _, _ in OTHERS)
WHOLE_S = 604_800  # nothing is drawn by step: the longest windows will do


@dataclass(frozen=True, slots=True)
class TwoRanges:
    """A, and B against it. `other` is one of WITHS, or empty where A has times of its own."""

    a: Range
    b: Range
    other: str
    sort: str

    @property
    def overlap(self) -> bool:
        """What lies in both counts in both."""
        return self.a.from_ns < self.b.to_ns and self.b.from_ns < self.a.to_ns

    @property
    def alike(self) -> bool:
        """Of one length, so that counts can be compared too; but for the rounding of their ends."""
        lengths = [one.to_ns - one.from_ns for one in (self.a, self.b)]
        return max(lengths) - min(lengths) <= 2 * self.a.edge_s * NS_PER_S


def read_two(parameters: Parameters) -> TwoRanges:
    """Raises ParameterError with everything that is wrong."""
    given: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, read in READERS.items():
        text = parameters.query.get(name, "").strip()
        try:
            given[name] = read(text) if text else None
        except ValueError as error:
            problems[name] = f"{name}={shown(text)} {error}"
    from_ns, to_ns = given.get("with_from"), given.get("with_to")
    own = bool(parameters.query.get("with_from") or parameters.query.get("with_to"))
    if own and not problems:
        problems = _wrong_times(given.get("with"), from_ns, to_ns)
    f = parameters.filter
    b = None if f.from_ns is None else asked(Subject.OPERATION, f.from_ns, f.to_ns)
    if b is None:
        problems["range"] = "Say where the range begins: range=24h, or from and to. Nothing lies before all there is."
    if problems or b is None:
        raise ParameterError(problems)
    b = replace(b, step_s=WHOLE_S)
    other = "" if own else given.get("with") or BEFORE
    a = _other(b, other) if from_ns is None or to_ns is None else Range(from_ns, to_ns, WHOLE_S)
    if a.from_ns < 0:
        raise ParameterError({"with": f"with={other} would begin before 1970: choose a shorter range."})
    return TwoRanges(a, b, other, given.get("sort") or SIDES_ORDERS[0])


def _other(b: Range, other: str) -> Range:
    if other == BEFORE:
        return b.before()
    shift_ns = SHIFTS_NS[other]
    return Range(b.from_ns - shift_ns, b.to_ns - shift_ns, WHOLE_S)


def _wrong_times(other: str | None, from_ns: int | None, to_ns: int | None) -> dict[str, str]:
    if other:
        return {"with": "with cannot be combined with with_from and with_to: give one or the other."}
    if from_ns is None or to_ns is None:
        missing = "with_from" if from_ns is None else "with_to"
        return {missing: f"{missing} is missing: a range of its own needs with_from and with_to."}
    if from_ns >= to_ns:
        return {"with_to": "with_to has to be later than with_from: the range is with_from <= time < with_to."}
    return {}


READERS: dict[str, Callable[[str], Any]] = {
    "with": one_of([*WITHS]),
    "with_from": time_ns,
    "with_to": time_ns,
    "sort": one_of([*SIDES_ORDERS]),
}
