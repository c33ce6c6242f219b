"""The addresses to tell people: where the pages are, where to point a client, where an agent asks."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

ANY_HOST = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not bound to


def host_of(request: HttpRequest) -> str:
    """The name a browser used for this machine, without a port."""
    return split_domain_port(request.get_host())[0]


def pages_url(asked_host: str = "") -> str:
    """The pages' address, with a slash at its end. `asked_host` is the name a browser used for it."""
    if settings.DASHBOARD_PUBLIC_URL:
        return f"{settings.DASHBOARD_PUBLIC_URL}/"
    return f"http://{_host(settings.DASHBOARD_HOST, asked_host)}:{settings.DASHBOARD_PORT}/"


def http_endpoint(asked_host: str = "") -> str:
    """What OTEL_EXPORTER_OTLP_ENDPOINT has to be."""
    if settings.OTLP_HTTP_PORT:
        return f"http://{_host(settings.OTLP_HOST, asked_host)}:{settings.OTLP_HTTP_PORT}"
    return pages_url(asked_host).rstrip("/")


def grpc_endpoint(asked_host: str = "") -> str:
    """The same for exporters that speak gRPC only; they are understood on the HTTP port as well."""
    port = settings.OTLP_GRPC_PORT or settings.OTLP_HTTP_PORT or settings.DASHBOARD_PORT
    return f"http://{_host(settings.OTLP_HOST, asked_host)}:{port}"


def mcp_endpoint(asked_host: str = "") -> str:
    """Where agents find the Model Context Protocol; empty when it has no port."""
    return f"http://{_host(settings.MCP_HOST, asked_host)}:{settings.MCP_PORT}/mcp" if settings.MCP_PORT else ""


def _host(bound: str, asked: str) -> str:
    """A name others can use: what we are bound to, unless that is every address there is."""
    host = bound
    if bound in ANY_HOST:
        host = asked or urlsplit(settings.DASHBOARD_PUBLIC_URL).hostname or "127.0.0.1"
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
