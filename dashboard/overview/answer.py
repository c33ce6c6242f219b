"""What one request asks of the overview, each answer read once, and all of it in words.

Before: the parameters of the page or the API. After: parts of the page share what they need of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property

from collector import queries
from dashboard.overview import sentence
from dashboard.overview.area import View
from dashboard.overview.links import traces_link
from dashboard.overview.operations import operation_link
from dashboard.overview.speed import SLOWEST, Start, Traffic, starts, traffic
from dashboard.overview.states import Standing, standing
from dashboard.parameters import AREA_NAMES, RANGES_S, Parameters
from dashboard.ranges import reaching
from dashboard.templatetags.formats import range_words
from sandboxes import questions

FILTER_NAMES = ("service", "operation", "namespace", "pool", "template", "start", "cluster")


@dataclass
class Answer:
    """Read when it is first needed."""

    parameters: Parameters
    view: View
    rows: int = SLOWEST  # of operations

    @cached_property
    def standing(self) -> Standing:
        return standing(self.parameters)

    @cached_property
    def starts(self) -> dict[str, Start]:
        return starts(self.parameters)

    @cached_property
    def traffic(self) -> Traffic:
        return traffic(self.parameters, self.view.sort, self.rows)

    @property
    def errors_link(self) -> str:
        return traces_link(self.parameters, status="error")


def said(answer: Answer) -> list[sentence.Part]:
    """The answer in words."""
    parameters = answer.parameters
    before = f"{range_words(parameters.range)} before" if parameters.range not in ("", "all") else ""
    parts = [
        *sentence.of_claims(answer.standing),
        *sentence.of_starts(answer.starts, before),
        *sentence.of_traffic(answer.traffic, answer.errors_link),
        *sentence.of_slowing(answer.traffic.table, lambda one: operation_link(one, parameters)),
    ]
    if parts:
        return parts
    filtered = any(parameters.query.get(name) for name in FILTER_NAMES)
    return list(sentence.of_nothing(_newest(parameters), filtered, parameters.link(**dict.fromkeys(FILTER_NAMES))))


def _newest(parameters: Parameters) -> sentence.Newest | None:
    """The newest claim or trace that the filters leave, and a range that reaches back to it."""
    claim = questions.claims(replace(parameters.claims, from_ns=None, to_ns=None)).prefetch_related(None).first()
    trace = queries.traces(replace(parameters.filter, from_ns=None, to_ns=None)).prefetch_related(None).first()
    found = [("claim", claim.zero_ns)] if claim else []
    found += [("trace", trace.start_ns)] if trace else []
    if not found:
        return None
    noun, begun_ns = max(found, key=lambda pair: pair[1])
    wide = reaching(begun_ns, RANGES_S)
    words = "show all" if wide == "all" else f"show the last {range_words(wide)}"
    link = parameters.link(range=wide, from_=None, to=None, **dict.fromkeys(AREA_NAMES))
    return sentence.Newest(noun, max(0, time.time_ns() - begun_ns), words, link)
