"""/export/NAME.csv: any list as a file to download, with the parameters of its page."""

from __future__ import annotations

import re
from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from collector.paging import CursorError
from dashboard.export import NAMES, csv_chunks, gzipped, in_threads, parse_export
from dashboard.parameters import ParameterError

ACCEPTS_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)


@require_safe
def export(request: HttpRequest, name: str) -> HttpResponseBase:
    """The first rows are read before the answer begins, so that what is wrong from the start has its own status."""
    if name not in NAMES:
        return _sentence(404, f"There is no export of that name. There are: {', '.join(NAMES)}.")
    packed = ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")) is not None
    try:
        chunks = csv_chunks(name, parse_export(name, request.GET))
        if packed:
            chunks = gzipped(chunks)
        first = next(chunks)
    except ParameterError as error:
        return _sentence(400, "\n".join(error.problems.values()))
    except CursorError as error:
        return _sentence(400, str(error))
    content_type = "text/csv; charset=utf-8; header=present"
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(content_type=content_type)
    else:
        response = StreamingHttpResponse(in_threads(chain([first], chunks)), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "no-store"
    if packed:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _sentence(status: int, text: str) -> HttpResponse:
    return HttpResponse(text + "\n", status=status, content_type="text/plain; charset=utf-8")
