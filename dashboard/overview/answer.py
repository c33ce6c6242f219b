"""What one request asks of the overview, each answer read once, and all of it in words.

Before: the parameters of the page or the API. After: parts of the page share what they need of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dashboard.overview import sentence
from dashboard.overview.area import View
from dashboard.overview.links import traces_link
from dashboard.overview.operations import operation_link
from dashboard.overview.speed import Start, Traffic, starts, traffic
from dashboard.overview.states import Standing, standing
from dashboard.parameters import Parameters
from dashboard.templatetags.formats import range_words


@dataclass
class Answer:
    """Read when it is first needed."""

    parameters: Parameters
    view: View

    @cached_property
    def standing(self) -> Standing:
        return standing(self.parameters)

    @cached_property
    def starts(self) -> dict[str, Start]:
        return starts(self.parameters)

    @cached_property
    def traffic(self) -> Traffic:
        return traffic(self.parameters, self.view.sort)

    @property
    def errors_link(self) -> str:
        return traces_link(self.parameters, status="error")


def said(answer: Answer) -> list[sentence.Part]:
    """The answer in words."""
    parameters = answer.parameters
    before = f"{range_words(parameters.range)} before" if parameters.range not in ("", "all") else ""
    return [
        *sentence.of_claims(answer.standing),
        *sentence.of_starts(answer.starts, before),
        *sentence.of_traffic(answer.traffic, answer.errors_link),
        *sentence.of_slowing(answer.traffic.table, lambda one: operation_link(one, parameters)),
    ]
