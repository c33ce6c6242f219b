"""The check of the router, which the SDK's tunnel leads to.

The SDK looks for it in one namespace; the manifests of v0.5 and before put it into another. That costs people an hour:
claims become ready, and the first command fails.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from dashboard.doctor import commands
from dashboard.doctor.shapes import Check, Subject, counted
from sandboxes.cluster import ClusterError, Forbidden, Inspector, NotServed
from sandboxes.object_fields import Object, at, is_true, objects_at, text_at

HOME = "agent-sandbox-system"  # where Agent Sandbox's manifests put the controller, and the SDK looks for the router
MANIFESTS_TO_0_5 = "default"
SERVICE = "sandbox-router-svc"
MAX_LISTED = 500

ROUTER = Subject("router", "Router", f"the Service {SERVICE}, which the SDK's tunnel leads to")


@dataclass(frozen=True, slots=True)
class Router:
    """What was found of the router, and where, for those who ask for rights there."""

    check: Check
    namespace: str


async def find_router(inspector: Inspector) -> Router:
    """The Service wherever it is: the SDK looks for it in one namespace, the manifests of v0.5 put it into another."""
    try:
        services = await _services(inspector)
        return await _router(inspector, services)
    except Forbidden as error:
        return Router(ROUTER.not_applicable(f"may not be looked at: {error}"), HOME)
    except ClusterError as error:
        return Router(ROUTER.warning(str(error), "Look again."), HOME)


async def _router(inspector: Inspector, services: list[Object]) -> Router:
    places = [text_at(each, "metadata", "namespace") for each in services]
    if not places:
        fix = "SandboxClient() without a configuration needs it for commands and files. Install it."
        return Router(ROUTER.warning("there is none", fix, commands.ROUTER), HOME)
    place = HOME if HOME in places else places[0]
    ready = await _ready(inspector, services[places.index(place)])
    found = f"{SERVICE} in {place}" + ("" if ready is None else f", {counted(ready, 'Pod')} of it ready")
    see = f"kubectl get pods -n {place} -o wide\n{commands.describe('service', place, SERVICE)}"
    nothing = ("Nothing runs behind it: see why.", (see,)) if ready == 0 else ("", ())
    if place != HOME:
        fix = (
            f"The SDK looks for it in {HOME} unless told otherwise, and fails at the first command. Tell it, or"
            f" install the router there. {nothing[0]}".rstrip()
        )
        tell = (
            "from k8s_agent_sandbox.models import SandboxLocalTunnelConnectionConfig\n"
            f'SandboxClient(SandboxLocalTunnelConnectionConfig(router_namespace="{place}"))'
        )
        end = ROUTER.failed if ready == 0 else ROUTER.warning
        return Router(end(found, fix, tell, commands.ROUTER, *nothing[1]), place)
    if ready == 0:
        return Router(ROUTER.failed(found, nothing[0], see), place)
    return Router(ROUTER.ok(found), place)


async def _services(inspector: Inspector) -> list[Object]:
    """The Services of that name: in all namespaces, or in those where it may be when not all may be listed."""
    query: dict[str, str | int] = {"fieldSelector": f"metadata.name={SERVICE}", "limit": MAX_LISTED}
    try:
        return list(objects_at(await inspector.get("/api/v1/services", query), "items"))
    except Forbidden as error:
        refused = error
    found: list[Object] = []
    allowed = False
    for namespace in dict.fromkeys((HOME, MANIFESTS_TO_0_5, *settings.DASHBOARD_NAMESPACES)):
        try:
            found.append(await inspector.get(f"/api/v1/namespaces/{namespace}/services/{SERVICE}"))
            allowed = True
        except NotServed:
            allowed = True
        except Forbidden:
            continue
    if not allowed:
        raise refused
    return found


async def _ready(inspector: Inspector, service: Object) -> int | None:
    """How many Pods are ready behind it; None when that may not be seen.

    Pods, not endpoints: kubectl port-forward, which the tunnel is, goes from the Service's selector to a Pod.
    """
    namespace, selector = text_at(service, "metadata", "namespace"), at(service, "spec", "selector")
    if not isinstance(selector, dict) or not selector:
        return None
    chosen = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    try:
        answer = await inspector.get(
            f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": chosen, "limit": MAX_LISTED}
        )
    except (Forbidden, NotServed):
        return None
    return sum(is_true(each, "Ready") for each in objects_at(answer, "items"))
