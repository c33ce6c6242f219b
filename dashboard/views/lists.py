"""What the pages of a list do alike: the parameters read, the rows found, or why there are none.

Before: a page's view with its request. After: the page's template, or with `X-Partial` the one of what changes on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.parameters import ParameterError, Parameters, parse

Context = dict[str, Any]


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
        return render(request, template, context | {"problems": error.problems}, status=400)
    if not context["rows"]:
        context |= why_empty(request, parameters)
    return render(request, template, context)
