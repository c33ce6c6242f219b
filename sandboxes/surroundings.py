"""All changes around claims: what `lifecycle` makes their stories of.

Before: `store` has kept versions of objects. After: for each claim its own changes, its Sandboxes', their Pods', Events
about each, its pool and template. Read for many claims at once: a claim alone costs nine queries, and so do a hundred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db.models import Q

from sandboxes.models import ObjectVersion
from sandboxes.objects import mapping
from sandboxes.records import Change, ChangeType, Kind

TOGETHER = 200  # claims: what a portion of a list has
MAX_VERSIONS = 2_000  # around one claim
MAX_READ = 20_000  # around those read together; beyond it they are read one by one
MAX_POOL_VERSIONS = 50

Row = tuple[str, str, Change]  # uid, what it belongs to, the change


def around(clusters: Collection[int], claim_uid: str) -> list[Change]:
    """All changes around one claim. When its pool is not there, those of the pools that are."""
    return around_all(clusters, [claim_uid]).get(claim_uid, [])


def around_all(clusters: Collection[int], claim_uids: Collection[str]) -> dict[str, list[Change]]:
    """The same for many; claims that nothing is known of are left out."""
    found: dict[str, list[Change]] = {}
    uids = sorted(claim_uids)
    for position in range(0, len(uids), TOGETHER):
        found |= _around_some(clusters, uids[position : position + TOGETHER])
    return found


def _around_some(clusters: Collection[int], uids: Sequence[str]) -> dict[str, list[Change]]:
    most = MAX_READ if len(uids) > 1 else MAX_VERSIONS
    own = _read(clusters, Q(uid__in=uids, kind=Kind.CLAIM), most)
    claim_of = {uid: {uid} for uid, _, _ in own}
    claim_of |= _below(clusters, Kind.SANDBOX, claim_of)
    claim_of |= _below(clusters, Kind.POD, claim_of)
    theirs = _read(clusters, Q(uid__in=claim_of.keys() - set(uids), kind__in=[Kind.SANDBOX, Kind.POD]), most)
    events = _read(clusters, Q(belongs_to__in=list(claim_of), kind=Kind.EVENT), most)
    if len(uids) > 1 and max(len(own), len(theirs), len(events)) == most:
        return {uid: changes for each in uids for uid, changes in _around_some(clusters, [each]).items()}
    found: dict[str, list[Change]] = defaultdict(list)
    for uid, parent, change in own + theirs + events:
        for claim in claim_of[parent if change.kind == Kind.EVENT else uid]:
            found[claim].append(change)
    blueprints = Blueprints(clusters)
    return {uid: changes + blueprints.of(changes) for uid, changes in found.items()}


def _below(clusters: Collection[int], kind: Kind, claim_of: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The objects of a kind that belong to those given, each with the claims it is part of."""
    found: dict[str, set[str]] = defaultdict(set)
    if claim_of:
        rows = ObjectVersion.objects.filter(cluster__in=clusters, kind=kind, belongs_to__in=list(claim_of))
        for uid, parent in rows.values_list("uid", "belongs_to").distinct()[:MAX_READ]:
            found[uid] |= claim_of[parent]
    return found


class Blueprints:
    """Pools and templates, found by name, for claims that are read together: most of them name the same."""

    def __init__(self, clusters: Collection[int]) -> None:
        self._clusters = clusters
        self._read: dict[tuple[object, ...], list[Change]] = {}

    def of(self, changes: Sequence[Change]) -> list[Change]:
        """As they were until the claim's last change.

        A template of the pool's name is taken as well: giving one for the other is the common slip.
        """
        claim = next((c for c in reversed(changes) if c.kind == Kind.CLAIM and "spec" in c.object), None)
        if claim is None:
            return []
        names = _names([claim], "warmPoolRef") | _names([claim], "sandboxTemplateRef")
        until_ns = max(change.received_ns for change in changes)
        namespace = str(claim.metadata.get("namespace", ""))
        pools = self._named(Kind.POOL, namespace, names, until_ns)
        if not pools:  # what is wrong with the claim; the advice names those there are
            pools = _newest(self._once(Q(kind=Kind.POOL, namespace=namespace), Kind.POOL, namespace))
        templates = names | _names(pools, "sandboxTemplateRef")
        found = pools + self._named(Kind.TEMPLATE, namespace, templates, until_ns)
        uids = sorted({pool.uid for pool in pools})
        return found + self._once(Q(belongs_to__in=uids, kind=Kind.EVENT), Kind.EVENT, *uids)

    def _named(self, kind: Kind, namespace: str, names: Collection[str], until_ns: int) -> list[Change]:
        """The newest versions until then."""
        named = Q(kind=kind, namespace=namespace, name__in=names)
        newest = self._once(named, kind, namespace, *sorted(names)) if names else []
        known = [change for change in newest if change.received_ns <= until_ns]
        if len(newest) < MAX_POOL_VERSIONS or len(known) == len(newest):
            return known
        return _newest_read(self._clusters, named & Q(received_ns__lte=until_ns))

    def _once(self, which: Q, *key: object) -> list[Change]:
        if key not in self._read:
            self._read[key] = _newest_read(self._clusters, which)
        return self._read[key]


def _names(changes: Iterable[Change], reference: str) -> set[str]:
    """What the specs of these objects refer to."""
    named = [mapping(mapping(change.object, "spec"), reference).get("name") for change in changes]
    return {name for name in named if isinstance(name, str) and name}


def _newest(changes: Iterable[Change]) -> list[Change]:
    """The last version of each object."""
    return list({change.uid: change for change in changes}.values())


def _newest_read(clusters: Collection[int], which: Q) -> list[Change]:
    rows = _read(clusters, which, MAX_POOL_VERSIONS, newest_first=True)
    return [change for _, _, change in reversed(rows)]


def _read(clusters: Collection[int], which: Q, most: int, *, newest_first: bool = False) -> list[Row]:
    """Changes in the order they were received."""
    order = ("-received_ns", "-id") if newest_first else ("received_ns", "id")
    rows = ObjectVersion.objects.filter(which, cluster__in=clusters).order_by(*order)
    columns = rows.values_list("uid", "belongs_to", "change", "kind", "received_ns", "object", "after_ns")
    return [
        (uid, parent, Change(ChangeType(change), Kind(kind), received_ns, value, after_ns))
        for uid, parent, change, kind, received_ns, value, after_ns in columns[:most]
    ]
