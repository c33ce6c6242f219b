"""Whose a span is and what it was about: the Agent Sandbox client, its controller, its router, or somebody's program.

Before: spans of any program. After: pages colour them, the same everywhere. Names are those of the SDK from 0.2 to 1.0,
the controller and the routers; what calls the sandbox API over HTTP acts for the client, whatever library it uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

CLIENT, CONTROLLER, ROUTER, PROGRAM = "client", "controller", "router", "program"
OWNERS = (PROGRAM, CLIENT, CONTROLLER, ROUTER)

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "HTTP GET", "HTTP POST", "HTTP PUT", "HTTP DELETE"}
)
CONTROLLER_SPANS = frozenset({
    "ReconcileSandboxClaim", "ReconcileSandbox", "ReconcileSandboxTemplate", "ReconcileSandboxWarmPool", "reconcilePod",
    "reconcilePVCs",
})  # fmt: skip
INSTRUMENTATION = "opentelemetry.instrumentation."  # scopes whose spans' URLs tell more than their names
SANDBOX_URL = re.compile(r"/apis/(extensions\.)?agents\.x-k8s\.io/|/(execute|upload|download|list|exists)(/|\?|$)")
URL_KEYS = ("url.full", "http.url", "http.target", "url.path")
CODE = 'status_code":'
FAILED = frozenset("45")


def addressed(name: str, attributes: Mapping[str, Any]) -> str:
    """What a call named by nothing but its method went to: /execute, sandboxclaims watch, sandboxes/calm-fox."""
    if name not in METHODS:
        return ""
    path, _, query = re.sub(r"^[a-z]+://[^/]*", "", _url(attributes)).partition("?")
    api, found, resource = path.partition("/namespaces/")
    if found and api.startswith("/api"):
        path = resource.partition("/")[2] or resource
    return f"{path} watch" if "watch=true" in query.lower() else path


def _url(attributes: Mapping[str, Any]) -> str:
    url = next((attributes[key] for key in URL_KEYS if key in attributes), "")
    return url if isinstance(url, str) else ""


def telling(name: str, attributes: str) -> bool:
    """Whether attributes, as JSON, say whose a span is, what it was about or that it failed. Others are not parsed: of
    thousands of spans that is felt. Asked with `in` and `find`, which are quicker than a pattern."""
    if name in METHODS or '"sandbox.' in attributes:
        return True
    at = attributes.find(CODE)
    while at >= 0:
        at += len(CODE)
        if attributes[at : at + 2].lstrip()[:1] in FAILED:  # PostgreSQL writes a space first
            return True
        at = attributes.find(CODE, at)
    return False


def owner(service: str, scope: str, name: str, attributes: Mapping[str, Any] | None = None) -> str:
    """One of OWNERS."""
    if "sandbox-controller" in service or (name in CONTROLLER_SPANS and "controller" in service + scope):
        return CONTROLLER
    if "sandbox-router" in service or "sandbox-router" in scope:
        return ROUTER
    # The SDK's scope is its spans' prefix: sandbox-client.run has sandbox_client.
    prefix, dot, _ = name.rpartition(".")
    if name.startswith("sandbox-client.") or (dot and prefix and prefix.replace("-", "_") == scope):
        return CLIENT
    if scope.startswith(INSTRUMENTATION) and SANDBOX_URL.search(_url(attributes or {})):
        return CLIENT
    return PROGRAM
