"""What of the cluster's side is deleted when: handed down to `collector.retention`, which knows nothing of claims.

- Hints and links go with their trace; hints of log lines outside every trace by age.
- Versions of objects go by age: but all of a claim that is still in its cluster, since its story is read from them anew
  at each change, and the newest of every other object that is.
- Claims, with their stories, go when rollups do: after ROLLUP_RETENTION_DAYS without a change, and not while they are
  in a cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.db.models import Max, Min, Q

from collector.retention import arrivals
from collector.retention.rows import EVERYTHING, oldest_arrival
from collector.retention.stages import Keep, OldRows, by_arrival
from collector.sql import execute
from sandboxes.models import Claim, Cluster, Link, ObjectVersion
from sandboxes.records import ChangeType, Kind, State

VERSIONS = "sandboxes_objectversion"
WINDOW = 500  # versions looked at together
MAX_WINDOWS = 10  # before a batch leaves the rest to the next pass
LINKS_A_CLAIM = 20  # about; a batch of claims is so much smaller than one of rows
DEPTH = 3  # an Event's Pod, its Sandbox, its claim


class Version(NamedTuple):
    """What of an object's version says whether it is needed."""

    id: int
    uid: str
    kind: str
    belongs_to: str
    change: str
    cluster_id: int


def delete_with_traces(trace_ids: Sequence[bytes], limit: int) -> int:
    """Deletes links and hints of traces, at most so many; gives how many."""
    places = ",".join(["%s"] * len(trace_ids))
    for table in ("sandboxes_link", "sandboxes_hint"):
        some = f"SELECT id FROM {table} WHERE trace_id IN ({places}) LIMIT %s"
        deleted = execute(f"DELETE FROM {table} WHERE id IN ({some})", (*trace_ids, limit)).rowcount
        if deleted and limit != EVERYTHING:
            return int(deleted)
    return int(deleted)


def _there(before_ns: int) -> Q:
    """Claims that are in a cluster that was seen since."""
    seen = Cluster.objects.filter(last_seen_ns__gte=before_ns).values("id")
    return Q(cluster__in=seen) & ~Q(state=State.DELETED)


def oldest_claim_ns() -> int | None:
    """The beginning of the oldest claim's axis."""
    oldest_ns: int | None = Claim.objects.aggregate(oldest=Min("zero_ns"))["oldest"]
    return oldest_ns


def prune_claims(before_ns: int, limit: int) -> int:
    """Deletes claims that have not changed since, with what links they still have; gives the rows deleted."""
    old = Claim.objects.filter(zero_ns__lt=before_ns, changed_ns__lt=before_ns).exclude(_there(before_ns))
    uids = list(old.order_by("zero_ns").values_list("uid", flat=True)[: max(1, limit // LINKS_A_CLAIM)])
    if not uids:
        return 0
    links = list(Link.objects.filter(claim_uid__in=uids).values_list("pk", flat=True)[:limit])
    if links:
        Link.objects.filter(pk__in=links).delete()
        return len(links)
    return Claim.objects.filter(uid__in=uids).delete()[0]


class _Versions:
    """Goes through versions as they came. Those that stay are passed by once a round, not once a batch."""

    def __init__(self) -> None:
        self._position = 0

    def prune(self, before_ns: int, limit: int) -> int:
        last_id = arrivals.last_id(VERSIONS, before_ns)
        for _ in range(MAX_WINDOWS):
            rows = ObjectVersion.objects.filter(id__gt=self._position, id__lte=last_id).order_by("id")
            found = [Version(*row) for row in rows.values_list(*Version._fields)[: min(WINDOW, limit)]]
            if not found:
                self._position = 0
                return 0
            self._position = found[-1].id
            if gone := _not_needed(found, last_id, before_ns):
                ObjectVersion.objects.filter(pk__in=gone).delete()
                return len(gone)
        return 0


def _not_needed(versions: Sequence[Version], last_id: int, before_ns: int) -> list[int]:
    """The ids of those that no story needs any more."""
    seen = set(Cluster.objects.filter(last_seen_ns__gte=before_ns).values_list("pk", flat=True))
    here = [version for version in versions if version.cluster_id in seen]
    above = _above({uid for version in here for uid in (version.uid, version.belongs_to)} - {""})
    claims = {version.id: _climb({version.uid, version.belongs_to}, above) for version in here}
    uids = {uid for found in claims.values() for uid in found}
    there = set(Claim.objects.filter(_there(before_ns), uid__in=uids).values_list("uid", flat=True))
    newest = ObjectVersion.objects.filter(uid__in={version.uid for version in here}, id__lte=last_id).exclude(
        kind=Kind.EVENT
    )
    newest_ids = set(newest.order_by().values_list("uid").annotate(newest=Max("id")).values_list("newest", flat=True))
    stay = {
        version.id
        for version in here
        if claims[version.id] & there
        or (not claims[version.id] and version.id in newest_ids and version.change != ChangeType.DELETED)
    }
    return [version.id for version in versions if version.id not in stay]


def _above(uids: Collection[str]) -> dict[str, set[str]]:
    """What each of these objects, and what is above them, belongs to; a claim to itself."""
    above: dict[str, set[str]] = {}
    wanted = set(uids)
    for _ in range(DEPTH):
        rows = ObjectVersion.objects.filter(uid__in=wanted).exclude(kind=Kind.EVENT)
        for uid, kind, parent in rows.order_by().values_list("uid", "kind", "belongs_to").distinct():
            above.setdefault(uid, set()).add(uid if kind == Kind.CLAIM else parent)
        wanted = {parent for uid in wanted for parent in above.get(uid, ())} - above.keys() - {""}
        if not wanted:
            break
    return above


def _climb(uids: set[str], above: dict[str, set[str]]) -> set[str]:
    """The claims above objects."""
    for _ in range(DEPTH):
        uids = {parent for uid in uids for parent in above.get(uid, ())}
    return {uid for uid in uids if uid in above.get(uid, ())}


LOOSE = "NOT EXISTS (SELECT 1 FROM collector_trace t WHERE t.trace_id = sandboxes_hint.trace_id)"
OLD_ROWS = [
    by_arrival("hints", "sandboxes_hint", Keep.DAYS, LOOSE),
    OldRows("versions of objects", lambda: oldest_arrival(VERSIONS), _Versions().prune, Keep.DAYS),
    OldRows("claims", oldest_claim_ns, prune_claims, Keep.ROLLUPS),
]
NOTED_TABLES = ["sandboxes_hint", VERSIONS]
