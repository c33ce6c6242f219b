"""The site map."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.views.health import healthz, readyz, status
from dashboard.views.login import login

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", login, name="login"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/status", status, name="status"),
]
