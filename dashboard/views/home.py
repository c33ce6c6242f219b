"""/: what a new user sees first: what to do while nothing has been received, after that the newest of what has been."""

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
from dashboard.views.ranges import reaching
from sandboxes.models import Claim

LISTS = (
    (Claim, "zero_ns", "claims"),
    (Trace, "start_ns", "traces"),
    (Log, "time_ns", "logs"),
    (MetricPoint, "time_ns", "metrics"),
)


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A page that is open follows the redirect by itself: regions.js loads what its address has become."""
    for model, time, page in LISTS:
        newest_ns = model._default_manager.aggregate(newest=Max(time))["newest"]
        if newest_ns is not None:
            # What was imported may be old, and the list's own range would not show it.
            wide = reaching(newest_ns, RANGES_S)
            shown = RANGES_S.get(wide, inf) <= RANGES_S[DEFAULT_RANGE]
            return HttpResponseRedirect(reverse(page) + ("" if shown else f"?range={wide}"))
    template = "dashboard/_home_waiting.html" if "X-Partial" in request.headers else "dashboard/home.html"
    context = {
        "instructions": instructions(request),
        "stats": ingest.stats,
        "receiving": ingest.running,
        "grpc_running": receiver.running,
    }
    return render(request, template, context)
