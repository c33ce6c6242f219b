"""/reports/: a run, a claim or a range of time as one HTML file to take away."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.parameters import OVERVIEW_NAMES, ParameterError, parse
from dashboard.report.claim import claim_report
from dashboard.report.document import write
from dashboard.report.parts import Report
from dashboard.report.run import run_report
from dashboard.report.span_of_time import range_report
from sandboxes.questions import claim_of
from sandboxes.runs.questions import run_of

UNFIT = re.compile(r"[^A-Za-z0-9._-]+")  # for the name of a file, on whatever disk


@never_cache
@require_safe
def report_of_run(request: HttpRequest, uid: str) -> HttpResponse:
    """The run as it is now."""
    run = run_of(uid)
    if run is None:
        raise Http404(f"no run {uid}")
    return _file(run_report(run, request.build_absolute_uri(reverse("run", args=[uid]))))


@never_cache
@require_safe
def report_of_claim(request: HttpRequest, uid: str) -> HttpResponse:
    """The claim as it is now."""
    claim = claim_of(uid)
    if claim is None:
        raise Http404(f"no claim {uid}")
    return _file(claim_report(claim, request.build_absolute_uri(reverse("claim", args=[uid]))))


@never_cache
@require_safe
def report_of_range(request: HttpRequest) -> HttpResponse:
    """What the overview shows for the same parameters; everything there is when no range is given."""
    try:
        parameters = parse(request.GET, OVERVIEW_NAMES, "all")
        report = range_report(parameters, request.build_absolute_uri(reverse("home") + parameters.link()))
    except ParameterError as error:
        text = "\n".join(error.problems.values()) + "\n"
        return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
    return _file(report)


def _file(report: Report) -> HttpResponse:
    """A download: the pages' own content policy would not let its figures be drawn here."""
    response = HttpResponse(write(report), content_type="text/html; charset=utf-8")
    name = UNFIT.sub("-", report.name).strip("-.")[:100] or "report"
    response["Content-Disposition"] = f'attachment; filename="{name}.html"'
    return response
