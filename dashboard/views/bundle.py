"""/export/KIND.bundle: a trace, a claim, a run or a range of time as one file to hand on."""

from __future__ import annotations

from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from dashboard.bundle import KINDS, choose, packed
from dashboard.export import in_threads
from dashboard.parameters import ParameterError


@require_safe
def bundle(request: HttpRequest, kind: str) -> HttpResponseBase:
    """What is wrong from the start has its own status; a failure later leaves the body without its end."""
    if kind not in KINDS:
        return _sentence(404, f"There is no bundle of that kind. There are: {', '.join(KINDS)}.")
    try:
        chosen = choose(kind, request.GET)
    except ParameterError as error:
        return _sentence(400, "\n".join(error.problems.values()))
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(content_type="application/gzip")
    else:
        chunks = packed(chosen)
        response = StreamingHttpResponse(in_threads(chain([next(chunks)], chunks)), content_type="application/gzip")
    response["Content-Disposition"] = f'attachment; filename="{chosen.file_name}"'
    response["Cache-Control"] = "no-store"
    return response


def _sentence(status: int, text: str) -> HttpResponse:
    return HttpResponse(text + "\n", status=status, content_type="text/plain; charset=utf-8")
