"""The check of the controller: whether somebody takes claims up.

It may run as its manifests say, or as any process anywhere; then its lease tells, or what it did.
"""

from __future__ import annotations

import time

from dashboard.doctor import commands
from dashboard.doctor.router import HOME
from dashboard.doctor.shapes import Check, Subject, counted, listed
from dashboard.doctor.stored import Stored
from dashboard.templatetags.formats import duration
from sandboxes.cluster import Forbidden, Inspector, NotServed
from sandboxes.cluster.resources import EXTENSIONS
from sandboxes.object_fields import Object, count_at, objects_at, read_time, text_at
from sandboxes.records import SECOND

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/a3317529.agent-sandbox.x-k8s.io"
RECENTLY_NS = 3_600 * SECOND
MAX_LISTED = 500

CONTROLLER = Subject("controller", "Controller", f"its Deployment in {HOME}, its lease, the claims it took up")


async def controller(inspector: Inspector, version: str, stored: Stored) -> Check:
    """Whether somebody takes claims up: as a Deployment, as any process with the lease, or as its deeds tell."""
    if stored.silent:
        found = f"nobody has taken up {listed(list(stored.silent))}"
        fix = "See whether it runs, and with --extensions: without it it leaves claims alone."
        return CONTROLLER.failed(found, fix, f"kubectl get pods -n {HOME}", commands.CONTROLLER_LOG)
    if (deployment := await _deployment(inspector)) is not None:
        return _of_deployment(deployment)
    if (held_ns := await _lease_age_ns(inspector)) is not None:
        return CONTROLLER.ok(f"runs outside of {HOME}: it renewed its lease {duration(held_ns, SECOND)} ago")
    since_ns = time.time_ns() - stored.observed_ns
    if stored.observed and since_ns < RECENTLY_NS:
        return CONTROLLER.ok(f"took up {stored.observed} {duration(max(since_ns, 0), SECOND)} ago")
    if number := await _pools_noticed(inspector, version):
        found = f"took note of {counted(number, 'pool')} as they are now"
        return CONTROLLER.ok(f"{found}; there is no Deployment or lease of it, so the next claim tells whether it runs")
    last = f"; the last claim it took up is {stored.observed}" if stored.observed else ""
    fix = "Make a claim and see whether it is taken up; or install the controller."
    return CONTROLLER.warning(f"nothing tells whether it runs{last}", fix, commands.INSTALL)


async def _pools_noticed(inspector: Inspector, version: str) -> int:
    """How many pools there are, if their newest specs have all been noticed; else none."""
    try:
        answer = await inspector.get(f"/apis/{EXTENSIONS}/{version}/sandboxwarmpools", {"limit": MAX_LISTED})
    except (Forbidden, NotServed):
        return 0
    pools = list(objects_at(answer, "items"))
    pairs = [
        (count_at(each, "metadata", "generation"), count_at(each, "status", "observedGeneration")) for each in pools
    ]
    return len(pools) if all(made and made == noticed for made, noticed in pairs) else 0


async def _deployment(inspector: Inspector) -> Object | None:
    try:
        answer = await inspector.get(f"/apis/apps/v1/namespaces/{HOME}/deployments", {"limit": MAX_LISTED})
    except (Forbidden, NotServed):
        return None
    named = (each for each in objects_at(answer, "items") if "controller" in text_at(each, "metadata", "name"))
    return next(named, None)


def _of_deployment(deployment: Object) -> Check:
    name = text_at(deployment, "metadata", "name")
    ready = count_at(deployment, "status", "readyReplicas") or 0
    wanted = count_at(deployment, "spec", "replicas") or 0
    containers = list(objects_at(deployment, "spec", "template", "spec", "containers"))
    arguments = [argument for each in containers for argument in _texts(each, "args") + _texts(each, "command")]
    image = text_at(containers[0], "image") if containers else ""
    found = f"Deployment {name}: {ready} of {wanted} ready, {image.rpartition('/')[2]}"
    if not ready:
        return CONTROLLER.failed(found, "See why it does not run.", commands.describe("deployment", HOME, name))
    if not any(argument.lstrip("-").startswith("extensions") and "false" not in argument for argument in arguments):
        fix = "It runs without --extensions and leaves claims alone. Apply the manifest that sets it."
        return CONTROLLER.failed(found, fix, commands.EXTENSIONS)
    return CONTROLLER.ok(found)


async def _lease_age_ns(inspector: Inspector) -> int | None:
    """When the holder of the lease renewed it, by the cluster's clock; None without one that is kept."""
    try:
        answer = await inspector.ask(LEASE)
    except (Forbidden, NotServed):
        return None
    renewed = read_time(text_at(answer.value, "spec", "renewTime"))
    lasts_s = count_at(answer.value, "spec", "leaseDurationSeconds") or 15
    if renewed is None or not text_at(answer.value, "spec", "holderIdentity"):
        return None
    ahead_ns = answer.ahead_ns[0] if answer.ahead_ns else 0
    age_ns = max(0, time.time_ns() + ahead_ns - renewed[0])
    return age_ns if age_ns < 2 * lasts_s * SECOND else None


def _texts(value: Object, key: str) -> list[str]:
    found = value.get(key)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
