"""One shape for whatever goes wrong under /api/v1/: {"detail": sentence, "problems": {parameter: sentence}}.

Before: an answer of the API or of Django. After: the same, or its failure as JSON. An address or a method that is not
there, and a fault of ours, are answered by Django in HTML: no script could say why.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase

PREFIX = "/api/v1/"
SENTENCES = {
    400: "The request is not readable: look at its headers and its address.",
    404: "Nothing is at this address: /api/v1/openapi.json names what there is.",
    405: "The API only reads: use GET.",
    500: "The dashboard failed at this request. Its own log says why; please report it with the request.",
}


class ApiProblems:
    """Puts failures under /api/v1/ into words, as JSON; what says why already stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path_info.startswith(PREFIX):
            return response
        if isinstance(response, HttpResponse) and not response.headers.get("Content-Type", "").startswith(
            "application/json"
        ):
            sentence = SENTENCES.get(response.status_code, response.reason_phrase)
            response.content = orjson.dumps({"detail": sentence, "problems": {}})
            response["Content-Type"] = "application/json"
            if "Content-Length" in response:  # of what Django said
                response["Content-Length"] = str(len(response.content))
        return response
