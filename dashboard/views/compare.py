"""/claims/compare/ and /traces/compare/: two side by side, `?a=...&b=...`; what is missing is said at its field.

A list sends those that were chosen in it, `?two=...&two=...`: they are A and B by their time.
"""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector.models import Trace
from dashboard.compare import claims, traces
from dashboard.trace.reading import read_spans
from dashboard.trace.tree import TraceTree, build_tree
from dashboard.values import TRACE_ID, shown
from dashboard.values import trace_id as read_trace_id
from sandboxes.models import Claim

SIDES = ("a", "b")
MOST_CHARS = 300  # of what is looked for


@never_cache
@require_safe
def compare_claims(request: HttpRequest) -> HttpResponse:
    """Two claims. With one alone, the other is the start before it in its pool."""
    if chosen := _chosen(request):
        in_order = [claim.uid for claim in Claim.objects.filter(uid__in=chosen[:2]).order_by("zero_ns", "id")]
        return _sides_of(chosen, in_order, alone="b")
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
    context: dict[str, Any] = {"values": values, "problems": problems, "chosen": _more_than_two(request)}
    if len(found) == 2 and not problems:
        context["comparison"] = claims.compare(found["a"], found["b"], time.time_ns())
        context["same"] = found["a"].pk == found["b"].pk
    return render(request, "dashboard/compare_claims.html", context, status=400 if problems else 200)


@never_cache
@require_safe
def compare_traces(request: HttpRequest) -> HttpResponse:
    """Two traces by their ids."""
    if chosen := _chosen(request):
        found = Trace.objects.filter(trace_id__in=[one for one in chosen[:2] if TRACE_ID.fullmatch(one)])
        in_order = [trace.trace_id for trace in found.order_by("start_ns", "trace_id")]
        return _sides_of(chosen, in_order, alone="a")
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
    context |= {"problems": problems, "chosen": _more_than_two(request)}
    if trees and not problems:
        found_by_id = Trace.objects.prefetch_related("head_operation").in_bulk(ids.values())
        context["sides"] = [(side, found_by_id[ids[side]]) for side in SIDES if side in trees]
    if len(trees) == 2 and not problems:
        context["comparison"] = traces.compare(trees["a"], trees["b"])
        context["same"] = ids["a"] == ids["b"]
    elif trees and not problems:
        ((side, one),) = context["sides"]
        context |= {"others": traces.like(one), "missing": SIDES[side == SIDES[0]]}
    return render(request, "dashboard/compare_traces.html", context, status=400 if problems else 200)


def _chosen(request: HttpRequest) -> list[str]:
    """What was ticked in a list, each once."""
    return [
        one for one in dict.fromkeys(request.GET.getlist("two")) if one and "\x00" not in one and len(one) <= MOST_CHARS
    ]


def _more_than_two(request: HttpRequest) -> str:
    """How many were chosen, where that was too many."""
    text = request.GET.get("of", "")
    return text if text.isascii() and text.isdigit() and len(text) < 6 else ""


def _sides_of(chosen: list[str], in_order: list[str], alone: str) -> HttpResponse:
    """The address of two chosen ones, the earlier one first; of more than two, the first two, and it says so."""
    query = QueryDict(mutable=True)
    if len(in_order) == 1:
        query[alone] = in_order[0]
    for side, one in zip(SIDES, in_order if len(in_order) == 2 else (), strict=False):
        query[side] = one
    if len(chosen) > 2:
        query["of"] = str(len(chosen))
    return HttpResponseRedirect("?" + query.urlencode())


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
