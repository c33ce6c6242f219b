"""/login/: a person gives the token once; the printed login URL gives it by itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.access import is_token, remember


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """The form, or with the right token the page that was wanted. The token leaves the address bar at once."""
    given = request.POST.get("token") or request.GET.get("token") or ""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if not url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
        wanted = "../"
    if given and is_token(given.strip()):
        response = HttpResponseRedirect(wanted)
        remember(request, response)
        return response
    problem = "That is not the token." if given else ""
    return render(request, "dashboard/login.html", {"next": wanted, "problem": problem}, status=403 if problem else 200)
