"""/runs/: the runs of test sandboxes, newest first, of which two may be chosen. /runs/new/: the form of one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.ingest import Unavailable
from collector.queries import count_up_to
from dashboard.parameters import CHOOSE, RUN_NAMES, ParameterError, Parameters, parse, query_of
from dashboard.runs import choices
from dashboard.runs.form import RunForm, initial
from dashboard.views.run import compare_with
from dashboard.worker import run_worker
from sandboxes.models import Run
from sandboxes.plans import from_json
from sandboxes.runs import outcome, questions, recording

MOST_CHOSEN = 100


@never_cache
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """The list, or with `X-Partial` its rows."""
    template = "dashboard/_run_rows.html" if "X-Partial" in request.headers else "dashboard/runs.html"
    try:
        context = _list(parse(request.GET, RUN_NAMES | CHOOSE, "all"))
    except ParameterError as error:
        return render(request, template, {"problems": error.problems, "off": _off()}, status=400)
    return render(request, template, context | {"off": _off(), "problems": {}, **_choosing(request)})


@require_POST
def compare_runs(request: HttpRequest) -> HttpResponse:
    """Two that were chosen in the list: the worker compares the later one with the earlier one."""
    chosen = [uid for uid in request.POST.getlist("two")[:MOST_CHOSEN] if "\0" not in uid]
    found = list(Run.objects.filter(uid__in=chosen).order_by("-id"))
    if len(found) != 2:
        problems = {"two": f"Choose two runs: {len(found) or 'none'} {'was' if len(found) < 2 else 'were'} chosen."}
        context = _list(parse(query_of({"choose": "1"}), RUN_NAMES | CHOOSE, "all"))
        context |= {"off": _off(), "problems": problems, **_choosing(request), "choosing": True}
        return render(request, "dashboard/runs.html", context, status=400)
    return compare_with(*found)


def _choosing(request: HttpRequest) -> dict[str, Any]:
    """Only what has figures can be compared."""
    return {"choosing": bool(request.GET.get("choose")), "comparable": questions.COMPARABLE}


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
    again = questions.run_of(request.GET.get("again", ""))
    plan = from_json(again.plan) if again else choices.last_plan()
    named = {name: value for name, value in request.GET.items() if name in RunForm.base_fields}
    return (initial(plan) if plan else {"pace": "concurrency"}) | named


def _off() -> str:
    """Why no run can be started here, if so."""
    if settings.DASHBOARD_CLUSTER == "off":
        return "This dashboard takes telemetry only (DASHBOARD_CLUSTER=off): it starts no sandboxes."
    return ""
