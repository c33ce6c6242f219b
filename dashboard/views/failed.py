"""What a reader sees where there is no page: what happened, why, and where to go on.

Before: Django, when no address matches, a view finds nothing, or a request is refused or fails. After: a page in the
frame of all others. The API's answers are JSON (dashboard.api.problems).
"""

from __future__ import annotations

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404
from django.utils.html import strip_tags

MAX_CHARS = 200


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404. What a view did not find, it names itself: `no run 12`."""
    if isinstance(exception, Resolver404):
        return _page(request, 404, "There is no such page", "The address is not one of the dashboard's.")
    return _page(
        request, 404, f"There is {exception}", "It was never here, or it was cleared or deleted with what is old."
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: what Django itself refuses. Above all a name of this machine that nobody said was one."""
    if isinstance(exception, DisallowedHost):
        host = request.META.get("HTTP_HOST", "")
        return _page(
            request, 400, f"The dashboard does not answer to the name “{host}”",
            "Put it in DASHBOARD_ALLOWED_HOSTS, or the whole address in DASHBOARD_PUBLIC_URL when a proxy leads here, "
            "and start the dashboard again.",
        )  # fmt: skip
    return _page(request, 400, "That cannot be answered", "The request is not one that a page of the dashboard makes.")


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form that was not sent from one of our pages, as far as can be told."""
    return _page(
        request, 403, "Nothing was changed",
        f"That the form came from a page of this dashboard could not be seen: {strip_tags(reason)} "
        "Go back, reload the page and send it again. Cookies have to be allowed here; behind a proxy, set "
        "DASHBOARD_PUBLIC_URL to the address you see.",
    )  # fmt: skip


def failed(request: HttpRequest) -> HttpResponse:
    """500."""
    return _page(
        request, 500, "The dashboard failed here",
        "That is a mistake of its own. What went wrong is on the terminal it was started from; nothing that was "
        "received is lost.",
    )  # fmt: skip


def _page(request: HttpRequest, status: int, heading: str, sentence: str) -> HttpResponse:
    context = {"heading": heading[:MAX_CHARS], "sentence": sentence, "path": request.path, "status": status}
    return render(request, "dashboard/failed.html", context, status=status)
