"""Checks of rights: what the dashboard reads, and what the SDK does, each asked of the API server one by one.

An account that may not do something learns it from a claim that fails, or from a page that stays empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from django.conf import settings

from dashboard.doctor import commands
from dashboard.doctor.shapes import Check, Subject
from sandboxes.cluster import Inspector, Right
from sandboxes.cluster.resources import AGENTS, EVENTS, EXTENSIONS

OURS = Subject("rights", "What the dashboard may read", "get, list and watch of claims and what is around them")
SDKS = Subject("rights-sdk", "What the SDK may do", "claims and the tunnel, with this account")

READ = (
    ("sandboxclaims", EXTENSIONS),
    ("sandboxes", AGENTS),
    ("sandboxtemplates", EXTENSIONS),
    ("sandboxwarmpools", EXTENSIONS),
    ("pods", ""),
    ("events", EVENTS),
)
VERBS = ("get", "list", "watch")
PROGRAMS = "default"  # the namespace create_sandbox() takes unless told otherwise


async def ours(inspector: Inspector) -> Check:
    """Without claims there is nothing to show; without the rest, stories have gaps."""
    namespaces = settings.DASHBOARD_NAMESPACES or [""]
    wanted = [
        Right(verb, resource, group, namespace)
        for namespace in namespaces for resource, group in READ for verb in VERBS
    ]  # fmt: skip
    missing = await _missing(inspector, wanted)
    place = ", ".join(namespaces) if settings.DASHBOARD_NAMESPACES else "all namespaces"
    account = await inspector.account()
    if not missing:
        return OURS.ok(f"{account or 'this account'} may, in {place}")
    found = f"{account or 'this account'} may not {_words(missing)} in {place}"
    fix = "Let somebody who may run this"
    if not settings.DASHBOARD_NAMESPACES:
        fix += "; or name the namespaces you may read: export DASHBOARD_NAMESPACES=default"
    asked = [Right(verb, resource, group) for resource, group in READ for verb in VERBS]
    grant = commands.grant("agent-sandbox-dashboard", account, asked)
    nothing = any(right.resource == "sandboxclaims" for right in missing)
    return (OURS.failed if nothing else OURS.warning)(found, f"{fix}.", grant)


async def sdks(inspector: Inspector, router: str) -> Check:
    """What create_sandbox(), a command through the tunnel and delete take. Programs may run under another account."""
    namespace = settings.DASHBOARD_NAMESPACES[0] if settings.DASHBOARD_NAMESPACES else PROGRAMS
    verbs = ("create", "get", "list", "watch", "delete", "patch")
    wanted = [Right(verb, "sandboxclaims", EXTENSIONS, namespace) for verb in verbs]
    wanted += [Right(verb, "sandboxes", AGENTS, namespace) for verb in VERBS]
    wanted += [Right("get", "services", namespace=router), Right("get", "pods", namespace=router)]
    wanted += [Right("list", "pods", namespace=router), Right("create", "pods", "", router, "portforward")]
    missing = await _missing(inspector, wanted)
    if not missing:
        return SDKS.ok(f"may make, watch and delete claims in {namespace}, and forward a port in {router}")
    fix = "Only for programs that run with this account: let somebody who may run this."
    grant = commands.grant("agent-sandbox-client", await inspector.account(), wanted)
    return SDKS.warning(f"this account may not {_words(missing)}", fix, grant)


async def _missing(inspector: Inspector, wanted: list[Right]) -> list[Right]:
    allowed = await asyncio.gather(*(inspector.may(right) for right in wanted))
    return [right for right, may in zip(wanted, allowed, strict=True) if not may]


def _words(rights: Iterable[Right]) -> str:
    """get, list of pods; create of pods/portforward."""
    verbs: dict[str, list[str]] = {}
    for right in rights:
        name = f"{right.resource}/{right.subresource}" if right.subresource else right.resource
        verbs.setdefault(name, []).append(right.verb)
    return "; ".join(f"{', '.join(dict.fromkeys(each))} {name}" for name, each in verbs.items())
