"""/export/NAME.csv: any list as a file to download, with the parameters of its page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from collector.paging import CursorError
from dashboard.export import NAMES, Rest, header, parse_export, pieces, release_connection
from dashboard.export_writer import busy, rest_of
from dashboard.packed import HEADER, Packer
from dashboard.parameters import ParameterError

ACCEPTS_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
# So many rows the server writes itself, in less time than a process takes to start. The rest of a longer list is not
# written in it: that would take the time from those who send.
AT_ONCE_BYTES = 4 << 20
RETRY_AFTER_S = 10


@require_safe
def export(request: HttpRequest, name: str) -> HttpResponseBase:
    """The first rows are read before the answer begins, so that what is wrong from the start has its own status."""
    if name not in NAMES:
        return _sentence(404, f"There is no export of that name. There are: {', '.join(NAMES)}.")
    try:
        first, rest = _first_rows(Rest(name, parse_export(name, request.GET)))
    except ParameterError as error:
        return _sentence(400, "\n".join(error.problems.values()))
    except CursorError as error:
        return _sentence(400, str(error))
    if rest and busy():
        answer = _sentence(503, "As many long lists as may be are being written now: try again in a few seconds.")
        answer["Retry-After"] = str(RETRY_AFTER_S)
        return answer
    packer = Packer() if ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")) else None
    content_type = "text/csv; charset=utf-8; header=present"
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(content_type=content_type)
    else:
        if packer:
            first = HEADER + packer.pack(first) + (b"" if rest else packer.end())
        response = StreamingHttpResponse(_body(first, rest, packer), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "no-store"
    if packer:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _first_rows(everything: Rest) -> tuple[bytes, Rest | None]:
    """The header and the rows that come at once, and what is left behind them."""
    written = header(everything.name)
    for piece in pieces(everything):
        written += piece.lines
        if piece.rest is None or len(written) > AT_ONCE_BYTES:
            release_connection()  # a client may take its time
            return written, piece.rest
    raise AssertionError("the last piece has no rest")


async def _body(first: bytes, rest: Rest | None, packer: Packer | None) -> AsyncIterator[bytes]:
    """An exception leaves the body without its end: the server closes the connection, and the client knows that rows
    are missing."""
    yield first
    if rest:
        async with aclosing(rest_of(rest, packer)) as chunks:
            async for chunk in chunks:
                yield chunk


def _sentence(status: int, text: str) -> HttpResponse:
    return HttpResponse(text + "\n", status=status, content_type="text/plain; charset=utf-8")
