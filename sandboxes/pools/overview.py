"""Pools, templates and drains of a time range, put together.

Before: `reading` has the rows. After: the page and the API show them.

Files do not say which cluster they are from. So a claim whose cluster has no pool of its name is counted for the
imported pool of that name, and the other way round.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sandboxes import object_fields as fields
from sandboxes.models import Cluster
from sandboxes.object_fields import Object
from sandboxes.pools import levels, reading
from sandboxes.pools.figures import DRAINED, MISSING, figures
from sandboxes.pools.reading import Stored
from sandboxes.pools.shapes import ClaimRow, Drain, Key, Level, Overview, Pool, PoolState, Template, Version
from sandboxes.questions import ClaimFilter
from sandboxes.records import SECOND, Kind

Still = Callable[[Cluster], bool]
SHORTEST_NS = 10 * SECOND  # of time drawn


def overview(f: ClaimFilter, is_watched: Still = lambda cluster: False) -> Overview:
    """What there is, and what became of it in the range. `is_watched`: what a cluster last said still holds."""
    clusters = reading.clusters()
    stored = reading.newest()
    pools = {each.key: each for each in stored if each.kind is Kind.POOL}
    templates = {each.key: each for each in stored if each.kind is Kind.TEMPLATE}
    claims, all_claims = reading.claim_rows(ClaimFilter(from_ns=f.from_ns, to_ns=f.to_ns))
    by_pool = _by_pool(claims, pools, clusters)
    versions, all_versions = _versions(f, pools)
    start_ns, end_ns = _range(f, versions, claims, clusters.values(), is_watched)
    complaints = reading.complaints(each.uid for each in pools.values())
    building = _Building(clusters, pools, templates, complaints, start_ns, end_ns, is_watched)
    made = [building.pool(key, by_pool.get(key, []), versions.get(key, [])) for key in pools.keys() | by_pool.keys()]
    shown = [pool for pool in made if _is_asked_for(f, pool, clusters)]
    # A pool that is no more matters to a range only when it served in it.
    shown = [pool for pool in shown if pool.state is not PoolState.DELETED or pool.figures.claims or pool.levels]
    shown.sort(key=lambda pool: (pool.cluster, pool.key.namespace, pool.key.name))
    blueprints = _templates(templates, made, clusters)
    return Overview(
        shown,
        [each for each in blueprints if _is_template_asked_for(f, each, clusters)],
        sorted((drain for pool in shown for drain in pool.drains), key=lambda drain: -drain.start_ns),
        start_ns,
        end_ns,
        all_claims and all_versions,
    )


class _Building:
    """What every row needs to know."""

    def __init__(
        self,
        clusters: Mapping[int, Cluster],
        pools: Mapping[Key, Stored],
        templates: Mapping[Key, Stored],
        complaints: Mapping[str, str],
        start_ns: int,
        end_ns: int,
        is_watched: Still,
    ) -> None:
        self.clusters, self.pools, self.templates, self.complaints = clusters, pools, templates, complaints
        self.start_ns, self.end_ns, self.is_watched = start_ns, end_ns, is_watched

    def pool(self, key: Key, claims: Sequence[ClaimRow], versions: Sequence[Version]) -> Pool:
        stored = self.pools.get(key)
        cluster = self.clusters.get(key.cluster or 0)
        name = cluster.name if cluster else ""
        if stored is None:
            missing = any(claim.cause in MISSING for claim in claims)
            state = PoolState.MISSING if missing else PoolState.NOT_SEEN
            named = next((claim.template for claim in claims if claim.template), "")
            return Pool(key, name, state, template=named, figures=figures(claims))
        until_ns, still = self._until(cluster)
        found = levels.levels(versions, self.start_ns, until_ns)
        template_name = fields.text_at(stored.object, "spec", "sandboxTemplateRef", "name")
        template = self.templates.get(key._replace(name=template_name))
        return Pool(
            key=key,
            cluster=name,
            state=_state(stored, template, found, template_name),
            desired=stored.version.desired,
            ready=stored.version.ready,
            created=reading.created_of(stored.object),
            template=template_name,
            image=image_of(template.object) if template else "",
            strategy=fields.text_at(stored.object, "spec", "updateStrategy", "type") or "OnReplenish",
            changed_ns=stored.version.time_ns,
            complaint=self.complaints.get(stored.uid, "") if stored.version.is_there else "",
            figures=figures(claims),
            levels=tuple(found),
            drains=tuple(self._drains(key, found, claims, until_ns, still=still and stored.version.is_there)),
        )

    def _drains(
        self, key: Key, found: Sequence[Level], claims: Iterable[ClaimRow], until_ns: int, *, still: bool
    ) -> list[Drain]:
        of_status = levels.drains(key, found, until_ns, still=still)
        waited = [claim for claim in claims if claim.cause == DRAINED]
        return levels.with_claims(key, of_status, waited, self.start_ns, until_ns)

    def _until(self, cluster: Cluster | None) -> tuple[int, bool]:
        """Until when we know, and whether that is now."""
        if cluster is None or self.is_watched(cluster):
            return self.end_ns, True
        return max(min(self.end_ns, cluster.last_seen_ns), self.start_ns), False


def _state(stored: Stored, template: Stored | None, found: Sequence[Level], template_name: str) -> PoolState:
    version = stored.version
    if not version.is_there:
        return PoolState.DELETED
    if template_name and (template is None or not template.version.is_there):
        return PoolState.NO_TEMPLATE
    if not version.desired:
        return PoolState.COLD
    if version.ready >= version.desired:
        return PoolState.READY
    if version.ready or (found and found[-1].filling):
        return PoolState.FILLING
    return PoolState.DRAINED


def image_of(template: Object) -> str:
    """The image of its first container, and how many more there are."""
    containers = list(fields.objects_at(template, "spec", "podTemplate", "spec", "containers"))
    images = [image for each in containers if (image := fields.text_at(each, "image"))]
    return images[0] + (f" and {len(images) - 1} more" if len(images) > 1 else "") if images else ""


def _by_pool(
    claims: Iterable[ClaimRow], pools: Collection[Key], clusters: Mapping[int, Cluster]
) -> dict[Key, list[ClaimRow]]:
    """Claims under the key of the pool they mean."""
    by_name: dict[tuple[str, str], list[Key]] = defaultdict(list)
    for key in pools:
        by_name[key.namespace, key.name].append(key)
    found: dict[Key, list[ClaimRow]] = defaultdict(list)
    for claim in claims:
        key = Key(claim.cluster, claim.namespace, claim.pool)
        alike = by_name[claim.namespace, claim.pool]
        if key not in pools and len(alike) == 1 and _may_be_one(claim.cluster, alike[0].cluster, clusters):
            key = alike[0]
        found[key].append(claim)
    return found


def _may_be_one(one: int | None, other: int | None, clusters: Mapping[int, Cluster]) -> bool:
    return one is None or any(reading.is_imported(clusters.get(each or 0)) for each in (one, other))


def _versions(f: ClaimFilter, pools: Collection[Key]) -> tuple[dict[Key, list[Version]], bool]:
    """Of each pool, what it was when the range began, and what it became."""
    of_range, complete = reading.pool_versions(f)
    from_ns = f.from_ns
    if not complete and of_range:  # levels are drawn from where versions are known without a gap
        from_ns = of_range[0].version.time_ns
    before = reading.newest(from_ns, [Kind.POOL]) if from_ns is not None else []
    found: dict[Key, list[Version]] = defaultdict(list)
    for each in [*before, *of_range]:
        found[each.key].append(each.version)
    return found, complete


def _range(
    f: ClaimFilter,
    versions: Mapping[Key, Sequence[Version]],
    claims: Sequence[ClaimRow],
    clusters: Collection[Cluster],
    is_watched: Still,
) -> tuple[int, int]:
    """The time levels are drawn over: the range; without a beginning, from the first there is to the last we know."""
    now_ns = time.time_ns()
    end_ns = now_ns if f.to_ns is None else min(f.to_ns, now_ns)
    if f.from_ns is not None:
        return min(f.from_ns, end_ns - SHORTEST_NS), end_ns
    if not any(is_watched(cluster) for cluster in clusters):
        end_ns = min(end_ns, max((cluster.last_seen_ns for cluster in clusters), default=end_ns))
    first = [of[0].time_ns for of in versions.values() if of] + [claim.zero_ns for claim in claims[-1:]]
    return min(min(first, default=end_ns), end_ns - SHORTEST_NS), end_ns


def _templates(
    templates: Mapping[Key, Stored], pools: Iterable[Pool], clusters: Mapping[int, Cluster]
) -> list[Template]:
    """Those there are, and those that pools name though they are not there."""
    used: dict[Key, list[Pool]] = defaultdict(list)
    for pool in pools:
        if pool.template and pool.state not in (PoolState.DELETED, PoolState.NOT_SEEN, PoolState.MISSING):
            used[pool.key._replace(name=pool.template)].append(pool)
    there = {key for key, each in templates.items() if each.version.is_there}
    found = []
    for key in sorted(there | used.keys(), key=lambda key: (key.cluster or 0, key.namespace, key.name)):
        cluster = clusters.get(key.cluster or 0)
        found.append(
            Template(
                key,
                cluster.name if cluster else "",
                image_of(templates[key].object) if key in there else "",
                tuple(sorted(pool.key.name for pool in used[key])),
                sum(pool.figures.claims for pool in used[key]),
                key in there,
            )
        )
    return found


def _is_asked_for(f: ClaimFilter, pool: Pool, clusters: Mapping[int, Cluster]) -> bool:
    words = (pool.key.name, pool.key.namespace, pool.template, pool.image, pool.state.value)
    exact = {f.pool: pool.key.name, f.template: pool.template}
    return _matches(f, pool.key, clusters, words) and all(not wanted or wanted == has for wanted, has in exact.items())


def _is_template_asked_for(f: ClaimFilter, template: Template, clusters: Mapping[int, Cluster]) -> bool:
    words = (template.key.name, template.key.namespace, template.image, *template.pools)
    exact = (not f.template or f.template == template.key.name) and (not f.pool or f.pool in template.pools)
    return _matches(f, template.key, clusters, words) and exact


def _matches(f: ClaimFilter, key: Key, clusters: Mapping[int, Cluster], words: Iterable[str]) -> bool:
    cluster = clusters.get(key.cluster or 0)
    if f.namespace and f.namespace != key.namespace:
        return False
    if f.cluster and (cluster is None or f.cluster not in (cluster.uid, cluster.name)):
        return False
    return not f.q or any(f.q.lower() in word.lower() for word in words)
