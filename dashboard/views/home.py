"""/: what a new user sees first: what to do while nothing has been received, after that the overview."""

from __future__ import annotations

from math import inf

from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector.grpc import receiver
from collector.ingest import ingest
from collector.models import Log, MetricPoint, Trace
from dashboard.instructions import instructions
from dashboard.parameters import DEFAULT_RANGE, RANGES_S
from dashboard.ranges import reaching
from dashboard.views.overview import overview
from sandboxes.models import Claim
from sandboxes.watch import standing, watcher

# The overview is about claims and operations: with logs or metrics alone, their own pages say more.
SHOWN = ((Claim, "zero_ns"), (Trace, "start_ns"))
LISTS = ((Log, "time_ns", "logs"), (MetricPoint, "time_ns", "metrics"))
WAITING = "1"  # what the waiting page asks for when something has arrived


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A page that is open follows by itself: regions.js loads what its address has become."""
    part = request.headers.get("X-Partial", "")
    newest_ns = max((ns for model, column in SHOWN if (ns := _newest_ns(model, column)) is not None), default=None)
    if newest_ns is not None:
        if part == WAITING:
            return HttpResponse(headers={"X-Reload": "1"})
        if not part and not request.GET and (wide := _wide_enough(newest_ns)):
            return HttpResponseRedirect(reverse("home") + wide)
        return overview(request)
    for model, column, page in LISTS:
        if (newest_ns := _newest_ns(model, column)) is not None:
            return HttpResponseRedirect(reverse(page) + _wide_enough(newest_ns))
    return _waiting(request, part)


def _newest_ns(model: type[Claim | Trace | Log | MetricPoint], column: str) -> int | None:
    newest: int | None = model._default_manager.aggregate(newest=Max(column))["newest"]
    return newest


def _wide_enough(newest_ns: int) -> str:
    """What was imported may be old, and the default range would not show it: the query string of one that does."""
    wide = reaching(newest_ns, RANGES_S)
    return "" if RANGES_S.get(wide, inf) <= RANGES_S[DEFAULT_RANGE] else f"?range={wide}"


def _waiting(request: HttpRequest, part: str) -> HttpResponse:
    template = "dashboard/_home_waiting.html" if part == WAITING else "dashboard/home.html"
    context = {
        "instructions": instructions(request),
        "stats": ingest.stats,
        "receiving": ingest.running,
        "grpc_running": receiver.running,
        "watching": standing(watcher.state),
    }
    answer = render(request, template, context)
    if part not in ("", WAITING):  # everything was cleared under an open overview
        answer["X-Reload"] = "1"
    return answer
