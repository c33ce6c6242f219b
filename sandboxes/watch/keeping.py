"""What a watcher asks of the database: to keep what it saw, and where an earlier one had come.

Before: `saving` has a portion of changes. After: they are committed, and with them, in one transaction, how far each
resource has been read. The next watcher, after a crash or on another machine, goes on there: it lists nothing again,
and nothing that happened meanwhile is lost, as long as the API server remembers it (some minutes).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple, Protocol

from django.db import connection

from collector.ingest import ingest
from collector.writer import Committed
from sandboxes import store
from sandboxes.models import Claim, Cluster, ObjectVersion, ResourceVersion
from sandboxes.records import Change, ChangeType, ClusterIdentity, Kind
from sandboxes.watch.lease import Heard, Lease, Say

CHUNK = 400  # parameters of one statement


class Reached(NamedTuple):
    """All of a resource until this version has been told. An empty one: a list begins, and is worth nothing yet."""

    resource: str
    version: str


class Remembered(NamedTuple):
    """What of a cluster was there when somebody last looked, when that was, and how far its resources were read."""

    objects: Sequence[Change] = ()
    last_ns: int | None = None
    versions: dict[str, str] = {}


class Election(Protocol):
    """`lease.Lease`, which tests without a database do without."""

    async def take(self, hear: Heard) -> None: ...
    async def hold(self, say: Say) -> None: ...
    async def leave(self) -> None: ...


class Keeping(Protocol):
    """`Database`; in tests, a list."""

    async def save(self, cluster: ClusterIdentity, changes: Sequence[Change], reached: Sequence[Reached]) -> None: ...
    async def remember(self, cluster: ClusterIdentity) -> Remembered: ...
    async def look_again(self, cluster: ClusterIdentity) -> int | None: ...
    def elect(self, name: str) -> Election: ...


class Database:
    """In the server's event loop. Each raises Unavailable while the database cannot be used."""

    async def save(self, cluster: ClusterIdentity, changes: Sequence[Change], reached: Sequence[Reached]) -> None:
        """Returns after the commit."""
        await ingest.run(partial(_save, cluster, changes, reached), 1 + store.ITEMS_PER_CHANGE * len(changes))

    async def remember(self, cluster: ClusterIdentity) -> Remembered:
        """What an earlier watcher knew."""
        return await asyncio.to_thread(_closing, cluster)

    async def look_again(self, cluster: ClusterIdentity) -> int | None:
        """Looks again at claims that are starting. None when nothing is known of the cluster any more."""
        return await ingest.run(partial(store.look_again, cluster))

    def elect(self, name: str) -> Election:
        """The lease of that name."""
        return Lease(name)


def _save(
    cluster: ClusterIdentity, changes: Sequence[Change], reached: Sequence[Reached], committed: Committed
) -> None:
    """In the writer's transaction."""
    seen_ns = max((change.received_ns for change in changes), default=time.time_ns())
    row = store.cluster_row(cluster, seen_ns)
    if changes:
        store.keep(cluster, changes, committed)
    for resource, version in reached:
        rows = ResourceVersion.objects.filter(cluster=row, resource=resource)
        # Only a list that begins makes the row: after everything was cleared nothing counts as read.
        if not rows.update(version=version) and not version:
            ResourceVersion.objects.create(cluster=row, resource=resource, version=version)


def _closing(cluster: ClusterIdentity) -> Remembered:
    try:
        return remembered(cluster)
    finally:
        connection.close()  # this thread's, which is not used again


def remembered(cluster: ClusterIdentity) -> Remembered:
    """Of objects, those that matter to claims not deleted, and no more than which ones they are."""
    row = Cluster.objects.filter(uid=cluster.uid).first()
    if row is None:
        return Remembered()
    claims = list(Claim.objects.filter(cluster=row, deleted_ns=None).values_list("uid", "namespace", "name"))
    objects = [_remembered(row, Kind.CLAIM, uid, namespace, name, "") for uid, namespace, name in claims]
    uids: Iterable[str] = (uid for uid, _, _ in claims)
    for kind in (Kind.SANDBOX, Kind.POD):
        found = _parts(row, kind, uids)
        objects += found
        uids = [each.uid for each in found]
    versions = ResourceVersion.objects.filter(cluster=row).exclude(version="").values_list("resource", "version")
    return Remembered(objects, row.last_seen_ns or None, dict(versions))


def _parts(row: Cluster, kind: Kind, owners: Iterable[str]) -> list[Change]:
    """The objects of a kind that belong to these, unless they have ended."""
    found: dict[str, Change] = {}
    ended: set[str] = set()
    waiting = iter(owners)
    while part := list(islice(waiting, CHUNK)):
        versions = ObjectVersion.objects.filter(cluster=row, kind=kind, belongs_to__in=part)
        for uid, namespace, name, owner, change in versions.values_list(
            "uid", "namespace", "name", "belongs_to", "change"
        ).distinct():
            found[uid] = _remembered(row, kind, uid, namespace, name, owner)
            if change in (ChangeType.DELETED, ChangeType.GONE):
                ended.add(uid)
    return [change for uid, change in found.items() if uid not in ended]


def _remembered(row: Cluster, kind: Kind, uid: str, namespace: str, name: str, owner: str) -> Change:
    owners = {"ownerReferences": [{"uid": owner, "controller": True}]} if owner else {}
    metadata = {"uid": uid, "namespace": namespace, "name": name} | owners
    return Change(ChangeType.LISTED, kind, row.last_seen_ns, {"metadata": metadata})
