"""Who may look: the token as a cookie or a bearer token, and from which pages a websocket may come.

Before: a request for a page, the API or a websocket. After: the view or consumer, for those who may.
Ingest has keys of its own (OTLP_API_KEY) and is not guarded here.

The cookie holds no token but a signed word that the token was known, bound to this token: another one logs all out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.http.request import split_domain_port, validate_host
from django.urls import reverse
from django.utils.http import urlencode

COOKIE = "dashboard_login"
COOKIE_AGE_S = 30 * 86_400
SALT = "dashboard.access"
OPEN_VIEWS = frozenset({"healthz", "readyz", "login"})


class TokenMiddleware:
    """Lets nobody past without the token, when one is set: pages lead to the login, all else answers 401."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        match = request.resolver_match
        if (match and match.view_name in OPEN_VIEWS) or _allowed(
            request.COOKIES.get(COOKIE, ""), request.headers.get("Authorization", "")
        ):
            return None
        if (
            request.method == "GET"
            and request.accepts("text/html")
            and "text/html" in request.headers.get("Accept", "")
        ):
            return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}")
        sentence = "A token is needed: send it as Authorization: Bearer, or log in on the pages (DASHBOARD_TOKEN)."
        return JsonResponse({"detail": sentence, "problems": {}}, status=401, headers={"WWW-Authenticate": "Bearer"})


def is_token(given: str) -> bool:
    """Whether this is DASHBOARD_TOKEN."""
    return compare_digest(given.encode(), settings.DASHBOARD_TOKEN.encode())


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """Logs the browser in."""
    response.set_cookie(
        COOKIE,
        signing.dumps(_fingerprint(), salt=SALT),
        max_age=COOKIE_AGE_S,
        path=settings.FORCE_SCRIPT_NAME or "/",
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _allowed(cookie: str, authorization: str) -> bool:
    if not settings.DASHBOARD_TOKEN:
        return True
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer" and is_token(credentials.strip()):
        return True
    try:
        known = signing.loads(cookie, salt=SALT, max_age=COOKIE_AGE_S)
    except signing.BadSignature:
        return False
    return isinstance(known, str) and compare_digest(known, _fingerprint())


def _fingerprint() -> str:
    return sha256(settings.DASHBOARD_TOKEN.encode()).hexdigest()[:32]


def websocket_user_allowed(scope: Mapping[str, Any]) -> bool:
    """Whether the websocket's cookie or bearer token lets it in."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(_header(scope, b"cookie"))
    except CookieError:
        return False
    cookie = cookies[COOKIE].value if COOKIE in cookies else ""
    return _allowed(cookie, _header(scope, b"authorization"))


def bearer_allowed(scope: Mapping[str, Any]) -> bool:
    """Whether a request to another door than Django's brings the token. No cookie: browsers send those unasked."""
    return _allowed("", _header(scope, b"authorization"))


def host_allowed(scope: Mapping[str, Any]) -> bool:
    """Whether it was addressed by a name we answer to: one that merely resolves to us does not count."""
    return validate_host(split_domain_port(_header(scope, b"host"))[0], settings.ALLOWED_HOSTS)


def origin_allowed(scope: Mapping[str, Any]) -> bool:
    """Whether the page that opened a websocket, or asks another door than Django's, is ours: browsers say which it was.

    Its origin has to be the very host it talks to, under a name we answer to, or DASHBOARD_PUBLIC_URL. A client that
    names no origin is no browser.
    """
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    if not host_allowed(scope):
        return False
    return not origin or _netloc(origin) == host or origin in settings.CSRF_TRUSTED_ORIGINS


def _netloc(origin: str) -> str:
    """Host and port; empty for what is no origin, such as `http://[`."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _header(scope: Mapping[str, Any], name: bytes) -> str:
    values: list[bytes] = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
