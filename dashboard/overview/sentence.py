"""The page's answer in words: is it healthy, how fast is it, what fails; each left out where there is no data for it.

Before: `states` and `speed` have the numbers. After: the template writes the parts, each number a link to its proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboard.overview.states import Cause, Counted, Standing
from sandboxes.records import State

TONES = {State.STUCK: "warning", State.FAILED: "error"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the answer; `link` leads to what shows it, `tone` is warning or error."""

    text: str
    strong: bool = False
    link: str = ""
    tone: str = ""


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
