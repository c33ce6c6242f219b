"""The site map."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.api import api
from dashboard.views.export import export
from dashboard.views.health import healthz, readyz, status
from dashboard.views.login import login
from dashboard.views.trace import trace
from dashboard.views.traces import traces

urlpatterns: list[URLPattern | URLResolver] = [
    path("traces/", traces, name="traces"),
    path("traces/<str:trace_id>/", trace, name="trace"),
    path("login/", login, name="login"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/status", status, name="status"),
    path("api/v1/", api.urls),
    path("export/<name>.csv", export, name="export"),
]
