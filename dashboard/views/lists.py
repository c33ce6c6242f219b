"""What the pages of a list do alike: the parameters read, the rows found, or why there are none.

Before: a page's view with its request. After: the page's template, or with `X-Partial` the one of what changes on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.kept import gone
from dashboard.parameters import RANGES_S, ParameterError, Parameters, parse
from dashboard.ranges import reaching

Context = dict[str, Any]
DELETED_WHEN_OLD = ("logs", "traces", "metrics")
MOST_QUOTED = 24  # characters of a text that was looked for


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to leave out of what is looked for, and the query string without it."""

    words: str
    link: str


def draw_list(
    request: HttpRequest,
    name: str,
    context: Context,
    names: frozenset[str],
    default_range: str,
    *,
    choices: Callable[[], Context],
    found: Callable[[Parameters], Context],
    why_empty: Callable[[HttpRequest, Parameters], Context],
) -> HttpResponse:
    """The list `name`; `choices` are what its filters offer, and only the whole page needs them.

    What is wrong with a parameter is a 400, said at its field.
    """
    partial = "X-Partial" in request.headers
    template = f"dashboard/_{name}_live.html" if partial else f"dashboard/{name}.html"
    context = {"problems": {}, **context} | ({} if partial else choices())
    try:
        parameters = parse(request.GET, names, default_range)
        context |= found(parameters)
    except ParameterError as error:
        context |= {"range": range_asked(request, default_range), "problems": error.problems}
        return render(request, template, context, status=400)
    if not context["rows"]:
        context |= why_empty(request, parameters)
        if name in DELETED_WHEN_OLD and parameters.filter.to_ns is not None:
            context |= gone(parameters.filter.to_ns)
    return render(request, template, context)


def range_asked(request: HttpRequest, default_range: str) -> str:
    """The time range the address names, where it could not be read as a whole; empty when it has its own times."""
    if request.GET.get("from") or request.GET.get("to"):
        return ""
    return request.GET.get("range") or default_range


def without(request: HttpRequest, parameters: Parameters, names: Iterable[str]) -> Context:
    """Which of the filters `names` are given, each with a link that leaves it out."""
    given = [name for name in names if request.GET.get(name)]
    return {
        "without": [Choice(_left_out(request, name), parameters.link(cursor=None, **{name: None})) for name in given]
    }


def _left_out(request: HttpRequest, name: str) -> str:
    if name != "q":
        return f"any {name.removeprefix('min_').replace('_', ' ')}"
    text = request.GET["q"]
    return f"without “{text if len(text) <= MOST_QUOTED else text[: MOST_QUOTED - 1] + '…'}”"


def elsewhere(newest_ns: int, words: str) -> Context:
    """There is something, but outside of the time range: the newest of it."""
    return {
        "empty": "elsewhere",
        "newest_ns": newest_ns,
        "newest_words": words,
        "reaching": reaching(newest_ns, RANGES_S),
    }
