"""Two ranges of time: the stages of their claims and their operations, what moved most first, what one alone has.

Before: `two_ranges` read which two. After: the page's template. Only rollups are read, so that a day of ten million
spans is compared as fast as a quiet one, and after the spans are gone too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.urls import reverse

from collector.latency.intervals import Verdict
from collector.latency.ranges import Range
from collector.latency.sides import OperationOfTwo, Pair, Side, alone, most_moved_first, moved, operations_of_two
from dashboard.csv_rows import iso_time
from dashboard.overview.links import claims_link, query_for, traces_link
from dashboard.overview.operations import operation_link
from dashboard.overview.strips import share_words
from dashboard.owners import owner
from dashboard.parameters import COMPARE_NAMES, OVERVIEW_NAMES, Parameters
from dashboard.templatetags.compare import signed
from dashboard.templatetags.formats import UNKNOWN, count, duration
from dashboard.two_ranges import TwoRanges
from dashboard.words import span_kind
from sandboxes import latency, questions
from sandboxes.lifecycle import STAGES
from sandboxes.records import State
from sandboxes.rollup import TIME_TO_READY

MOST_ROWS = 50  # of each table: a hundred took twice as long to write as 1,800 operations to compare; the CSV has all
SHOWN = ("p50", "p95", "p99")
OWNERS = {stage.name: str(stage.owner) for stage in STAGES}
SAID = {Verdict.NOISE: "noise", Verdict.TOO_FEW: "too few"}
SLOWER = {Verdict.MORE: "slower", Verdict.LESS: "faster"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A percentile, or the share of errors, in both; `change` says how it moved, `title` by how much where unsure."""

    name: str
    a: str
    b: str
    change: str = ""
    sure: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A stage or an operation. `alone`: the side that alone has it. Counts lead to what was counted."""

    name: str
    of: str  # the service, or the kind of start
    kind: str
    owner: str
    alone: str
    count_a: str
    count_b: str
    link_a: str
    link_b: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class When:
    """One of the ranges, with what began in it."""

    side: str
    range: Range
    claims: int
    troubled: int
    operations: Side | None
    link: str
    claims_link: str
    errors_link: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the page shows. `fixed` is the same comparison with its times written out, `swapped` the other way round."""

    whens: Sequence[When]
    told: Sequence[str]
    stages: Sequence[Row]
    operations: Sequence[Row]
    operations_found: int
    alone: Sequence[Row]
    alone_found: int
    fixed: str
    swapped: str

    @property
    def empty(self) -> Sequence[str]:
        """The sides nothing began in."""
        return [when.side for when in self.whens if not when.claims and when.operations is None]


def compare(parameters: Parameters, two: TwoRanges) -> Comparison:
    """B against A."""
    found = operations_of_two(parameters.filter, two.a, two.b)
    both = most_moved_first(found.operations, two.a, two.b, two.sort)
    one_sided = alone(found.operations)
    stages = latency.stages_of_two(parameters.claims, two.a, two.b)
    known_ns = latency.precisions_ns(parameters.claims, two.a, two.b)
    links = _Links(parameters, two)
    sides = (("A", two.a, found.a), ("B", two.b, found.b))
    return Comparison(
        whens=[_when(parameters, links, *each) for each in sides],
        told=[*_ready(stages, known_ns), *_counted(both, one_sided)],
        stages=[_stage(one, links, known_ns.get((one.stage, one.start_type), 1)) for one in stages],
        operations=[_operation(one, links) for one in both[:MOST_ROWS]],
        operations_found=len(both),
        alone=[_operation(one, links) for one in one_sided[:MOST_ROWS]],
        alone_found=len(one_sided),
        fixed=links.comparison(two.a, two.b),
        swapped=links.comparison(two.b, two.a),
    )


@dataclass(frozen=True, slots=True)
class _Links:
    """To the lists behind the numbers, each with the page's filters and a range of its own."""

    parameters: Parameters
    two: TwoRanges

    def overview(self, when: Range) -> str:
        return reverse("home") + query_for(self.parameters, OVERVIEW_NAMES, **_times(when))

    def claims(self, when: Range, **changes: str) -> str:
        return claims_link(self.parameters, **_times(when), **changes)

    def traces(self, when: Range, **changes: str) -> str:
        return traces_link(self.parameters, **_times(when), **changes)

    def comparison(self, a: Range, b: Range) -> str:
        other = {"with": None, "with_from": _iso(a.from_ns), "with_to": _iso(a.to_ns)}
        return query_for(self.parameters, COMPARE_NAMES, **_times(b), **other)


def _times(when: Range) -> dict[str, object]:
    return {"range": None, "from_": _iso(when.from_ns), "to": _iso(when.to_ns)}


def _iso(ns: int) -> str:
    return iso_time(ns).replace(".000000000", "")


def _when(parameters: Parameters, links: _Links, side: str, when: Range, operations: Side | None) -> When:
    states = questions.states(replace(parameters.claims, from_ns=when.from_ns, to_ns=when.until_ns))
    return When(
        side=side,
        range=when,
        claims=sum(states.values()),
        troubled=states.get(State.FAILED, 0) + states.get(State.STUCK, 0),
        operations=operations,
        link=links.overview(when),
        claims_link=links.claims(when),
        errors_link=links.traces(when, status="error"),
    )


def _stage(one: latency.StageOfTwo, links: _Links, precision_ns: int) -> Row:
    return Row(
        name=one.stage,
        of=one.start_type,
        kind="",
        owner=OWNERS.get(one.stage, ""),
        **_sides(one),
        link_a=links.claims(links.two.a, start=one.start_type),
        link_b=links.claims(links.two.b, start=one.start_type),
        cells=[_cell(one, name, precision_ns) for name in SHOWN],
    )


def _operation(one: OperationOfTwo, links: _Links) -> Row:
    return Row(
        name=one.name,
        of=one.service,
        kind=span_kind(one.kind),
        owner=owner(one.service, "", one.name),
        **_sides(one),
        link_a=operation_link(one, links.parameters, **_times(links.two.a)),
        link_b=operation_link(one, links.parameters, **_times(links.two.b)),
        cells=[_cell(one, name) for name in ("errors", *SHOWN)],
    )


def _sides(one: Pair) -> dict[str, str]:
    return {
        "alone": "A" if one.b is None else "B" if one.a is None else "",
        "count_a": count(one.a.figures.count if one.a else 0),
        "count_b": count(one.b.figures.count if one.b else 0),
    }


def _cell(one: Pair, name: str, precision_ns: int = 1) -> Cell:
    a, b = (_value(side, name, precision_ns) for side in (one.a, one.b))
    found = moved(one, name, precision_ns)
    if found is None or (name == "errors" and not found.difference):
        return Cell(name, a, b)
    if name == "errors":
        more = found.difference > 0
        by = f"{'+' if more else '−'}{share_words(100 * abs(found.difference)).replace(' %', '')} points"  # noqa: RUF001 - a minus
    else:
        by = signed(round(found.difference))
    if found.sure:
        return Cell(name, a, b, by, True, "beyond noise")
    return Cell(name, a, b, SAID[found.verdict], False, by if by == "same" else f"{by}, which chance or clocks may do")


def _value(side: Side | None, name: str, precision_ns: int) -> str:
    if side is None:
        return UNKNOWN
    if name == "errors":
        return share_words(100 * side.error_share) if side.figures.errors else "0"
    return duration(getattr(side.figures, f"{name}_ns"), precision_ns)


def _ready(stages: Iterable[latency.StageOfTwo], known_ns: dict[tuple[str, str], int]) -> Iterator[str]:
    """How the time to ready moved, by kind of start."""
    for one in stages:
        if one.stage != TIME_TO_READY:
            continue
        precision_ns = known_ns.get((one.stage, one.start_type), 1)
        cell, found = _cell(one, "p95", precision_ns), moved(one, "p95", precision_ns)
        kind = "" if one.start_type == "unknown" else f" of {one.start_type} starts"
        if found is None:
            yield f"Time to ready p95{kind}: {cell.b if one.a is None else cell.a}, only in {'A' if one.a else 'B'}."
        else:
            said = f"{SLOWER[found.verdict]} ({cell.change})" if found.sure else found.verdict
            yield f"Time to ready p95{kind}: {cell.a} → {cell.b}, {said}."


def _counted(both: Sequence[OperationOfTwo], one_sided: Sequence[OperationOfTwo]) -> Iterator[str]:
    """How many operations moved."""
    verdicts = Counter(found.verdict for one in both if (found := moved(one, "p95")))
    words = {Verdict.MORE: "slower", Verdict.LESS: "faster", Verdict.NOISE: "within noise"}
    if both:
        said = [f"{verdicts[verdict]:,} {words.get(verdict, verdict)}" for verdict in Verdict if verdicts[verdict]]
        yield f"p95 of {len(both):,} operation{'s' if len(both) > 1 else ''}: {', '.join(said)}."
    only = Counter("A" if one.b is None else "B" for one in one_sided)
    if one_sided:
        yield f"{' and '.join(f'{only[side]:,} only in {side}' for side in 'AB' if only[side])}."
