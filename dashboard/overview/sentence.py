"""The page's answer in words: is it healthy, how fast is it, what fails; each left out where there is no data for it.

Before: `states` and `speed` have the numbers. After: the template writes the parts, each number a link to its proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from collector.latency import OperationLatency, OperationTable
from dashboard.overview.change import ENOUGH
from dashboard.overview.speed import Start, Traffic, change_of, percent_of
from dashboard.overview.states import Cause, Counted, Standing
from dashboard.overview.strips import share_words
from dashboard.templatetags.formats import duration
from sandboxes.records import State

PRECISION_NS = 10**6  # percentiles are good to 2.2 %: no microseconds
SLOWED = 1.5  # times: what is worth a sentence
TONES = {State.STUCK: "warning", State.FAILED: "error"}


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest of what the filters mean, outside the range; `words` are those of the link that would show it."""

    noun: str
    age_ns: int
    words: str
    link: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the answer; `link` leads to what shows it, `tone` is warning or error."""

    text: str
    strong: bool = False
    link: str = ""
    tone: str = ""


def of_nothing(newest: Newest | None, filtered: bool, unfiltered_link: str) -> Iterator[Part]:
    """There is nothing to tell: where the newest is that could be meant, or that the filters hide all there is."""
    if newest is not None:
        yield Part(f"Nothing in this time range. The newest {newest.noun} began {duration(newest.age_ns)} ago: ")
        yield Part(newest.words, True, newest.link)
        yield Part(".")
    elif filtered:
        yield Part("Nothing matches these filters, whatever its time: ")
        yield Part("show all", True, unfiltered_link)
        yield Part(".")


def of_claims(standing: Standing) -> Iterator[Part]:
    """How the claims stand: what needs somebody first, with its causes."""
    needy = [row for row in standing.counted if row.attention]
    total = standing.total
    if total == 1:
        yield from _of_the_only_claim(standing)
    elif total and not needy:
        yield Part(f"None of {total:,} claims", strong=True)
        yield Part(" is stuck or failed. ")
    else:
        for number, row in enumerate(needy):
            yield Part(f"{row.number:,}", True, row.link, TONES[State(row.state)])
            of = "" if number else f" of {total:,} claims"
            end = ". " if number == len(needy) - 1 else ", "
            yield Part(f"{of} {_verb(row)}{_why(standing.causes.get(row.state, []))}{end}")


def _of_the_only_claim(standing: Standing) -> Iterator[Part]:
    row = next(row for row in standing.counted if row.number)
    yield Part("The only claim ")
    yield Part(
        f"{'' if row.state == State.FAILED else 'is '}{row.state}", True, row.link, TONES.get(State(row.state), "")
    )
    yield Part(f"{_why(standing.causes.get(row.state, []))}. ")


def _verb(row: Counted) -> str:
    if row.state == State.FAILED:
        return "failed"
    return "is stuck" if row.number == 1 else "are stuck"


def _why(causes: list[Cause]) -> str:
    """` (pool missing)`, or with numbers where there is more than one cause."""
    if not causes:
        return ""
    if len(causes) == 1:
        return f" ({causes[0].words})"
    return " (" + ", ".join(f"{cause.words} {cause.number:,}" for cause in causes) + ")"


def of_starts(starts: Mapping[str, Start], before: str) -> Iterator[Part]:
    """How fast claims are, by kind of start; `before` names the time it is compared with."""
    kinds = [start for kind, start in starts.items() if kind]
    compared = False
    for number, start in enumerate(kinds):
        yield Part("; " if number else "Time to ready p95 ")
        yield Part(f"{duration(start.now.p95_ns, PRECISION_NS)} {start.start_type}", strong=True)
        if start.change:
            says_what = before and start.change.direction and not compared
            yield Part(f", {start.change.words}{f' on the {before}' if says_what else ''}")
            compared = compared or bool(says_what)
    if kinds:
        yield Part(". ")


def of_traffic(traffic: Traffic, errors_link: str) -> Iterator[Part]:
    """Which share of operations failed, against before."""
    now, before = traffic.table.now, traffic.table.before
    if not now.count:
        return
    operations = "operation" if now.count == 1 else "operations"
    if not now.errors:
        yield Part(f"No error in {now.count:,} {operations}. ")
        return
    yield Part(f"{share_words(traffic.error_percent)} of {now.count:,} {operations}", True, errors_link, "error")
    then = ""
    if before and before.count >= ENOUGH:
        then = f", {share_words(percent_of(before)) if before.errors else 'none'} before"
    yield Part(f" failed{then}. ")


def of_slowing(table: OperationTable, link: Callable[[OperationLatency], str]) -> Iterator[Part]:
    """What has slowed down most, when something clearly has."""
    slowed = [(found, one) for one in table.operations if (found := change_of(one)) and found.ratio >= SLOWED]
    if slowed:
        found, one = max(slowed, key=lambda pair: pair[0].ratio)
        yield Part(one.name or "(no name)", True, link(one))
        yield Part(f" has slowed down most: p95 {duration(one.now.p95_ns, PRECISION_NS)}, {found.words}. ")
