"""Checks of the cluster: which one, whether it answers, what it serves; then, with an open door, all the others.

Before: settings and a kubeconfig. After: `controller`, `router`, `blueprints` and `rights` look through the same door.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from django.conf import settings

from dashboard.doctor import clocks, commands, rights
from dashboard.doctor.blueprints import POOLS, TEMPLATES, blueprints
from dashboard.doctor.controller import CONTROLLER, controller
from dashboard.doctor.router import ROUTER, find_router
from dashboard.doctor.shapes import Check, Subject, listed
from dashboard.doctor.stored import Stored
from dashboard.templatetags.formats import duration
from sandboxes.cluster import ClusterError, Forbidden, Inspector, NoCluster, NotServed, Unauthorized, find
from sandboxes.cluster.place import fingerprint
from sandboxes.cluster.resources import AGENTS, EXTENSIONS
from sandboxes.object_fields import objects_at, text_at

FIND_TIMEOUT_S = 8.0  # a plugin may have to fetch credentials
CLUSTER = Subject("cluster", "Cluster", "the kubeconfig's cluster, and whether its API server answers")
API = Subject("api", "API", f"{EXTENSIONS} and {AGENTS}: versions and kinds")
KINDS = {EXTENSIONS: ("sandboxclaims", "sandboxtemplates", "sandboxwarmpools"), AGENTS: ("sandboxes",)}
SUBJECTS = (API, CONTROLLER, ROUTER, TEMPLATES, POOLS, rights.OURS, rights.SDKS, clocks.SERVER)


async def look(stored: Stored) -> list[Check]:
    """All that concerns the cluster, in order."""
    if settings.DASHBOARD_CLUSTER == "off":
        return _nothing(CLUSTER.not_applicable("DASHBOARD_CLUSTER is off"), "no cluster is looked at")
    try:
        async with asyncio.timeout(FIND_TIMEOUT_S):
            found = await find(settings.DASHBOARD_KUBE_CONTEXT)
    except NoCluster as error:
        return _nothing(_no_cluster(str(error)), "there is no cluster")
    except TimeoutError:
        fix = "A plugin of the kubeconfig fetches credentials. See what it says."
        return _nothing(CLUSTER.failed("no credentials in time", fix, "kubectl get namespaces"), "it was not reached")
    inspector = Inspector(found)
    try:
        return await _look_inside(inspector, stored)
    finally:
        await inspector.close()


def _no_cluster(words: str) -> Check:
    if fingerprint():
        fix = "Choose another context, or correct the file."
        choose = "kubectl config get-contexts\nexport DASHBOARD_KUBE_CONTEXT=NAME"
        return CLUSTER.failed(words, fix, choose)
    fix = "None is needed for telemetry. A kubeconfig that appears is picked up; what kubectl prints can be imported."
    return CLUSTER.not_applicable(words, fix, commands.READ_CLUSTER)


def _nothing(first: Check, why: str) -> list[Check]:
    return [first, *(subject.not_applicable(why) for subject in SUBJECTS)]


async def _look_inside(inspector: Inspector, stored: Stored) -> list[Check]:
    target = inspector.target
    context = f" --context {target.name}" if target.name != "in-cluster" else ""
    try:
        answer = await inspector.ask("/version")
    except Unauthorized as error:
        fix = "Log in again as you did for kubectl; new credentials are picked up."
        return _nothing(
            CLUSTER.failed(f"{target.host}: {error}", fix, f"kubectl{context} get namespaces"), "not let in"
        )
    except ClusterError as error:
        fix = "Start the cluster, choose another context, or turn watching off with DASHBOARD_CLUSTER=off."
        see = f"kubectl{context} cluster-info\nkubectl config get-contexts"
        return _nothing(CLUSTER.failed(f"{target.host}: {error}", fix, see), "the cluster does not answer")
    version = text_at(answer.value, "gitVersion") or "of unknown version"
    words = f"{target.name}, {target.host}: Kubernetes {version}, answers in {duration(answer.took_ns, 10**6)}"
    served, api_check = await _api(inspector)
    clock = clocks.of_cluster(answer.ahead_ns)
    if not served:
        missing = [subject.not_applicable("Agent Sandbox is not there") for subject in SUBJECTS[1:-1]]
        return [CLUSTER.ok(words), api_check, *missing, clock]
    runs, router, (templates, pools), ours = await asyncio.gather(
        _shielded(CONTROLLER, lambda: controller(inspector, served, stored)),
        find_router(inspector),
        blueprints(inspector, served),
        _shielded(rights.OURS, lambda: rights.ours(inspector)),
    )
    sdks = await _shielded(rights.SDKS, lambda: rights.sdks(inspector, router.namespace))
    return [CLUSTER.ok(words), api_check, runs, router.check, templates, pools, ours, sdks, clock]


async def _shielded(subject: Subject, look: Callable[[], Awaitable[Check]]) -> Check:
    """What cannot be looked at is said, and does not keep the other checks."""
    try:
        return await look()
    except Forbidden as error:
        return subject.not_applicable(f"may not be looked at: {error}")
    except ClusterError as error:
        return subject.warning(str(error), "Look again.")


async def _api(inspector: Inspector) -> tuple[str, Check]:
    """The version of the claims to ask for, empty when nobody serves them."""
    try:
        served = await inspector.version_of(EXTENSIONS)
        kinds = {name for group in KINDS for name in await _kinds(inspector, group, served)}
    except NoCluster as error:
        return "", API.failed(str(error), "Install Agent Sandbox with its extensions.", commands.INSTALL)
    except ClusterError as error:
        return "", API.warning(str(error), "Look again.")
    missing = [f"{name}.{group}" for group, names in KINDS.items() for name in names if name not in kinds]
    if missing:
        found = f"{served}, without {listed(missing, 4)}"
        return served, API.failed(found, "Install what is missing.", commands.INSTALL)
    if served != "v1beta1":
        fix = "The SDK since 1.0 asks for v1beta1. Upgrade Agent Sandbox, by v0.5 when there are claims to keep."
        return served, API.warning(f"{served} alone", fix, commands.INSTALL)
    return served, API.ok(f"{served}: {listed(sorted(kinds), 6)}")


async def _kinds(inspector: Inspector, group: str, version: str) -> set[str]:
    try:
        answer = await inspector.get(f"/apis/{group}/{version}")
    except NotServed:
        return set()
    names = {text_at(item, "name") for item in objects_at(answer, "resources")}
    return {name for name in names if name and "/" not in name}
