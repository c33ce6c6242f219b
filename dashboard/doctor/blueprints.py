"""The checks of templates and pools: whether there are any, whether they fit, whether pools have Sandboxes ready."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from dashboard.doctor import commands
from dashboard.doctor.shapes import Check, Subject, counted, listed
from sandboxes.cluster import ClusterError, Inspector, Resource
from sandboxes.cluster.resources import EXTENSIONS
from sandboxes.object_fields import Object, count_at, text_at
from sandboxes.records import Kind

TEMPLATES = Subject("templates", "Templates", "SandboxTemplates")
POOLS = Subject("pools", "Pools", "SandboxWarmPools, what is ready, and their templates")


async def blueprints(inspector: Inspector, version: str) -> tuple[Check, Check]:
    """Templates and pools: each is looked at with the other in view."""
    templates = await _listed(inspector, Kind.TEMPLATE, "sandboxtemplates", version)
    pools = await _listed(inspector, Kind.POOL, "sandboxwarmpools", version)
    if isinstance(templates, ClusterError) or isinstance(pools, ClusterError):
        return _not_seen(TEMPLATES, templates), _not_seen(POOLS, pools)
    return _of_templates(templates), _of_pools(pools, {_place(each) for each in templates})


def _not_seen(subject: Subject, found: list[Object] | ClusterError) -> Check:
    if isinstance(found, ClusterError):
        return subject.not_applicable(f"may not be looked at: {found}")
    return subject.ok(f"{len(found)} there")


async def _listed(inspector: Inspector, kind: Kind, name: str, version: str) -> list[Object] | ClusterError:
    found: list[Object] = []
    for namespace in settings.DASHBOARD_NAMESPACES or ("",):
        try:
            async for items, _ in inspector.pages(Resource(kind, name, EXTENSIONS, version, namespace)):
                found += items
        except ClusterError as error:
            return error
    return found


def _of_templates(templates: list[Object]) -> Check:
    if not templates:
        return TEMPLATES.warning(
            "there is none", "Make one, with a pool of it: these are the documented names.", commands.POOL
        )
    return TEMPLATES.ok(listed([" in ".join(reversed(_place(each))) for each in templates], 4))


def _of_pools(pools: list[Object], templates: set[tuple[str, str]]) -> Check:
    if not pools:
        fix = "create_sandbox() takes the name of a pool. Make one: these are the documented names."
        return POOLS.warning("there is none", fix, commands.POOL)
    orphans = [each for each in pools if (_place(each)[0], _template_of(each)) not in templates]
    if orphans:
        names = listed([f"{_place(each)[1]} ({_template_of(each) or 'no name'})" for each in orphans])
        found = f"{counted(len(orphans), 'pool names', 'pools name')} a template that does not exist: {names}"
        return POOLS.failed(found, "Make the template, or correct sandboxTemplateRef.", *_described(orphans))
    ready, wanted = sum(map(_ready, pools)), sum(map(_wanted, pools))
    found = f"{counted(len(pools), 'pool')}, {ready} of {wanted} Sandboxes ready"
    empty = [each for each in pools if _wanted(each) and not _ready(each)]
    if empty:
        names = listed([_place(each)[1] for each in empty])
        fix = "Claims wait or start cold until one is ready. It fills by itself; if it does not, see why."
        return POOLS.warning(f"{found}; none in {names}", fix, *_described(empty))
    if not wanted:
        first = _place(pools[0])
        fix = "Nothing is kept warm: every start is cold. If that is too slow, keep some."
        return POOLS.warning(found, fix, commands.scale(*first, 3))
    return POOLS.ok(found)


def _described(pools: list[Object]) -> Iterator[str]:
    return (commands.describe("sandboxwarmpool", *_place(each)) for each in pools[:3])


def _place(value: Object) -> tuple[str, str]:
    return text_at(value, "metadata", "namespace"), text_at(value, "metadata", "name")


def _template_of(pool: Object) -> str:
    return text_at(pool, "spec", "sandboxTemplateRef", "name")


def _ready(pool: Object) -> int:
    return count_at(pool, "status", "readyReplicas") or 0


def _wanted(pool: Object) -> int:
    return count_at(pool, "spec", "replicas") or 0
