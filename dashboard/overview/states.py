"""How the claims stand: how many are in which state, and what holds up or failed those that need somebody.

Before: the page's filters. After: the counters of the page and its sentence. Claims that are open count whenever they
began: one that is stuck since yesterday is what the page is for. Those that have ended count when they began in the
range, as the list of claims counts them, so that a counter leads to just the claims it counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from dashboard.overview.links import claims_link
from dashboard.parameters import Parameters
from sandboxes import questions
from sandboxes.questions import OPEN_STATES, STATES, ClaimFilter
from sandboxes.records import State

ALWAYS_SHOWN = (State.READY, State.STARTING, State.STUCK, State.FAILED, State.EXPIRED, State.DELETED)
NEED_SOMEBODY = (State.STUCK, State.FAILED)
CAUSES_LOOKED_AT = 500  # newest claims of a state: one JSON look-up each
MOST_CAUSES = 2
LONGEST_REASON = 40  # characters


@dataclass(frozen=True, slots=True)
class Counted:
    """A state with its claims and the list of them. `attention`: somebody should look."""

    state: str
    number: int
    link: str
    attention: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """Why claims are stuck or failed, in a few words, and how many of them."""

    words: str
    number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The claims by state, in the page's order, with the causes of what needs somebody."""

    counted: list[Counted]
    causes: dict[str, list[Cause]]

    def number(self, state: str) -> int:
        return next((row.number for row in self.counted if row.state == state), 0)

    @property
    def total(self) -> int:
        return sum(row.number for row in self.counted)


def standing(parameters: Parameters) -> Standing:
    """Counts every state; causes come from the newest claims of a state."""
    f = parameters.claims
    in_range = questions.states(f)
    # A range that ends somewhere is history: what was open then is not known, so all states count alike.
    counts = in_range | (_open_now(f) if parameters.range else {})
    counted = []
    for state in sorted(STATES, key=_place):
        number = counts.get(state, 0)
        if number or state in ALWAYS_SHOWN:
            anytime = {"range": "all"} if parameters.range and state in OPEN_STATES else {}
            link = claims_link(parameters, state=state, **anytime)
            counted.append(Counted(state, number, link, state in NEED_SOMEBODY and number > 0))
    return Standing(counted, {row.state: _causes(parameters, row) for row in counted if row.attention})


def _place(state: str) -> int:
    return ALWAYS_SHOWN.index(State(state)) if state in ALWAYS_SHOWN else len(ALWAYS_SHOWN)


def _open_now(f: ClaimFilter) -> dict[str, int]:
    """One look into the index of states each, instead of one over all claims there ever were."""
    found: dict[str, int] = {}
    for state in OPEN_STATES:
        found |= questions.states(replace(f, from_ns=None, state=state))
    return found


def _causes(parameters: Parameters, row: Counted) -> list[Cause]:
    anytime = parameters.range and row.state in OPEN_STATES
    f = replace(parameters.claims, state=row.state)
    newest = questions.claims(replace(f, from_ns=None) if anytime else f).prefetch_related(None)
    rows = newest.values_list("lifecycle__why__cause", "reason")[:CAUSES_LOOKED_AT]
    # A reason of somebody's program may be a page long, and ends in what is different each time.
    counted = Counter(cause or reason.partition(":")[0][:LONGEST_REASON] or "not known why" for cause, reason in rows)
    return [Cause(words, number) for words, number in counted.most_common(MOST_CAUSES)]
