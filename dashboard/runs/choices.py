"""What the cluster offers a new run: its pools and namespaces, as the watcher knows them.

Before: the watcher has stored pools. After: the form suggests them; anything else may be typed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandboxes import questions
from sandboxes.models import Cluster, Run
from sandboxes.plans import Plan, from_json
from sandboxes.pools import reading
from sandboxes.records import Kind

MAX_POOLS = 100
OLD_API = "v1alpha1"  # the SDK that runs use claims by v1beta1 only


@dataclass(frozen=True, slots=True)
class Pool:
    """A warm pool that is there now."""

    namespace: str
    name: str
    ready: int
    wanted: int | None


def last_watched() -> Cluster | None:
    """The cluster a run would go to, as far as is known."""
    return Cluster.objects.exclude(uid=questions.IMPORTED_UID).order_by("-last_seen_ns").first()


def pools(cluster: Cluster) -> list[Pool]:
    """Its pools: those that keep Sandboxes first, each by name."""
    found = [
        Pool(each.key.namespace, each.key.name, each.version.ready, each.version.desired)
        for each in reading.newest(kinds=[Kind.POOL])
        if each.key.cluster == cluster.pk and each.version.is_there
    ]
    return sorted(found, key=lambda pool: (not pool.wanted, pool.name, pool.namespace))[:MAX_POOLS]


def is_too_old(cluster: Cluster) -> bool:
    """Whether it serves only what the SDK of runs does not speak."""
    return cluster.api_version == OLD_API


def last_plan() -> Plan | None:
    """What was asked for last: the form begins with it."""
    run = Run.objects.order_by("-id").first()
    return from_json(run.plan) if run is not None else None
