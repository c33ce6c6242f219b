"""The site map."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.views.health import healthz, readyz
from dashboard.views.login import login

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", login, name="login"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
