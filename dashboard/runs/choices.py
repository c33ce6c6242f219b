"""What the cluster offers a new run: its pools and namespaces, as the watcher knows them.

Before: the watcher has stored pools. After: the form suggests them; anything else may be typed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandboxes import questions
from sandboxes.models import Cluster, ObjectVersion, Run
from sandboxes.plans import Plan, from_json
from sandboxes.records import ChangeType, Kind

NEWEST = 500  # versions of pools looked through
MAX_POOLS = 100
OLD_API = "v1alpha1"  # the SDK that runs use claims by v1beta1 only


@dataclass(frozen=True, slots=True)
class Pool:
    """A warm pool that is there now."""

    namespace: str
    name: str
    ready: int | None
    wanted: int | None


def pools() -> list[Pool]:
    """The pools of the cluster watched last, by name."""
    cluster = Cluster.objects.exclude(uid=questions.IMPORTED_UID).order_by("-last_seen_ns").first()
    if cluster is None:
        return []
    versions = ObjectVersion.objects.filter(cluster=cluster, kind=Kind.POOL).order_by("-received_ns", "-id")[:NEWEST]
    found: dict[tuple[str, str], Pool | None] = {}
    for version in versions:
        place = (version.namespace, version.name)
        if place not in found:
            gone = version.change in (ChangeType.DELETED, ChangeType.GONE)
            found[place] = None if gone else _pool(version)
    return sorted((pool for pool in found.values() if pool), key=lambda pool: (pool.name, pool.namespace))[:MAX_POOLS]


def _pool(version: ObjectVersion) -> Pool:
    spec, status = version.object.get("spec") or {}, version.object.get("status") or {}
    ready, wanted = status.get("readyReplicas"), spec.get("replicas")
    return Pool(
        version.namespace,
        version.name,
        ready if isinstance(ready, int) else None,
        wanted if isinstance(wanted, int) else None,
    )


def too_old() -> str:
    """The cluster's name when it serves only what the SDK of runs does not speak."""
    cluster = Cluster.objects.exclude(uid=questions.IMPORTED_UID).order_by("-last_seen_ns").first()
    return cluster.name if cluster is not None and cluster.api_version == OLD_API else ""


def last_plan() -> Plan | None:
    """What was asked for last: the form begins with it."""
    run = Run.objects.order_by("-id").first()
    return from_json(run.plan) if run is not None else None
