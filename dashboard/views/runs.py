"""/runs/: the runs of test sandboxes, newest first. /runs/new/: the form of one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from collector.ingest import Unavailable
from collector.queries import count_up_to
from dashboard.parameters import RUN_NAMES, ParameterError, Parameters, parse
from dashboard.runs import choices
from dashboard.runs.form import RunForm, initial
from dashboard.worker import run_worker
from sandboxes.models import Run
from sandboxes.plans import from_json
from sandboxes.runs import outcome, questions, recording


@never_cache
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """The list, or with `X-Partial` its rows."""
    template = "dashboard/_run_rows.html" if "X-Partial" in request.headers else "dashboard/runs.html"
    try:
        parameters = parse(request.GET, RUN_NAMES, "all")
        context = _list(parameters)
    except ParameterError as error:
        return render(request, template, {"problems": error.problems, "off": _off()}, status=400)
    return render(request, template, context | {"off": _off(), "problems": {}})


def _list(parameters: Parameters) -> dict[str, Any]:
    found = questions.runs(parameters.claims)
    page, (count, more) = parameters.page(found), count_up_to(found)
    rows = [(run, from_json(run.plan), outcome.totals_of(run)) for run in page.rows]
    return {"rows": rows, "next": page.next, "range": parameters.range, "count": count, "more": more}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_run(request: HttpRequest) -> HttpResponse:
    """The form; with POST, a new run."""
    if request.method != "POST":
        return _form(request, RunForm(initial=_begin_with(request)))
    form = RunForm(request.POST)
    if not form.is_valid():
        return _form(request, form, status=400)
    if off := _off():
        return _form(request, form, failed=off, status=409)
    try:
        run_id = recording.ask(form.plan(), f"page, {request.META.get('REMOTE_ADDR', '')}")
    except Unavailable as error:
        return _form(request, form, failed=f"Nothing was started: {error}", status=503)
    run_worker.wake()
    return HttpResponseRedirect(reverse("run", args=[run_id]))


def _form(request: HttpRequest, form: RunForm, failed: str = "", status: int = 200) -> HttpResponse:
    cluster = choices.last_watched()
    pools = choices.pools(cluster) if cluster else []
    context = {
        "form": form,
        "failed": failed,
        "off": _off(),
        "too_old": cluster.name if cluster and choices.is_too_old(cluster) else "",
        "pools": pools,
        "namespaces": sorted({pool.namespace for pool in pools}),
        "most": settings.RUNS_MAX_SANDBOXES,
        "allowed_urls": settings.RUNS_ALLOWED_URLS,
    }
    return render(request, "dashboard/run_new.html", context, status=status)


def _begin_with(request: HttpRequest) -> dict[str, Any]:
    """What the form is filled in with: another run's plan, else the last one's; and what the URL names."""
    again = Run.objects.filter(uid=request.GET.get("again", "")).first()
    plan = from_json(again.plan) if again else choices.last_plan()
    named = {name: value for name, value in request.GET.items() if name in RunForm.base_fields}
    return (initial(plan) if plan else {"pace": "concurrency"}) | named


def _off() -> str:
    """Why no run can be started here, if so."""
    if settings.DASHBOARD_CLUSTER == "off":
        return "This dashboard takes telemetry only (DASHBOARD_CLUSTER=off): it starts no sandboxes."
    return ""
