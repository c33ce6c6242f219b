"""/claims/compare/ and /traces/compare/: two side by side, `?a=...&b=...`; what is missing is said at its field."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.compare import claims, traces
from dashboard.trace.reading import read_spans
from dashboard.trace.tree import TraceTree, build_tree
from dashboard.values import shown
from dashboard.values import trace_id as read_trace_id
from sandboxes.models import Claim

SIDES = ("a", "b")
MOST_CHARS = 300  # of what is looked for


@never_cache
@require_safe
def compare_claims(request: HttpRequest) -> HttpResponse:
    """Two claims. With one alone, the other is the start before it in its pool."""
    given, problems = _given(request)
    found: dict[str, Claim] = {}
    for side, text in given.items():
        claim = claims.find(text)
        if claim is None:
            problems[side] = f"There is no claim {shown(text)}: give its name or uid as the list of claims has it."
        else:
            found[side] = claim
    if not problems and len(found) == 1:
        ((side, one),) = found.items()
        other = claims.before(one)
        missing = "b" if side == "a" else "a"
        if other is None:
            problems[missing] = "There is no earlier start of this kind in its pool: name another claim."
        else:
            found[missing] = other
    values = {side: found[side].uid if side in found else given.get(side, "") for side in SIDES}
    context: dict[str, Any] = {"values": values, "problems": problems}
    if len(found) == 2 and not problems:
        context["comparison"] = claims.compare(found["a"], found["b"], time.time_ns())
        context["same"] = found["a"].pk == found["b"].pk
    return render(request, "dashboard/compare_claims.html", context, status=400 if problems else 200)


@never_cache
@require_safe
def compare_traces(request: HttpRequest) -> HttpResponse:
    """Two traces by their ids."""
    given, problems = _given(request)
    trees: dict[str, TraceTree] = {}
    ids: dict[str, str] = {}
    for side, text in given.items():
        try:
            ids[side] = read_trace_id(text)
        except ValueError as error:
            problems[side] = f"{shown(text)} {error}"
            continue
        spans = read_spans(ids[side])
        if spans:
            trees[side] = build_tree(spans)
        else:
            problems[side] = f"There is no trace {ids[side]}: it was not received, or was deleted when it was old."
    context: dict[str, Any] = {"values": {side: ids.get(side, given.get(side, "")) for side in SIDES}}
    context |= {"problems": problems}
    if len(trees) == 2 and not problems:
        context["comparison"] = traces.compare(trees["a"], trees["b"])
        context["same"] = ids["a"] == ids["b"]
    return render(request, "dashboard/compare_traces.html", context, status=400 if problems else 200)


def _given(request: HttpRequest) -> tuple[dict[str, str], dict[str, str]]:
    """What is asked for by side, and what is wrong with it."""
    given: dict[str, str] = {}
    problems: dict[str, str] = {}
    for side in SIDES:
        text = request.GET.get(side, "").strip()
        if len(text) > MOST_CHARS or "\x00" in text:
            problems[side] = f"{side} holds a NUL character, or more than {MOST_CHARS} characters."
        elif text:
            given[side] = text
    return given, problems
