"""What the database holds of pools and templates, and of the claims that name a pool.

Before: `store` has kept it. After: `overview` puts it together.

Pools and templates are few among very many versions of claims, Sandboxes and Pods. A partial index has them alone; it
is taken by queries whose text has its very condition, hence no parameter in it. Measured at 400,000 versions, 4,000 of
them of pools: 2 to 3 ms for the newest of each, where a walk over the table takes 22 to 400.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Max, QuerySet
from django.db.models.expressions import RawSQL

from collector.raw import raw_rows
from collector.telemetry_filter import Ranged, in_range
from sandboxes import object_fields as fields
from sandboxes.models import BLUEPRINTS, Claim, Cluster, ObjectVersion
from sandboxes.object_fields import Object
from sandboxes.pools.shapes import ClaimRow, Key, Version
from sandboxes.questions import IMPORTED_UID, ClaimFilter, claims
from sandboxes.records import ChangeType, Kind

MAX_VERSIONS = 2_000  # of pools, in a time range: the newest
MAX_CLAIMS = 10_000  # in a time range: the newest
MAX_OBJECTS = 1_000  # pools and templates
CHUNK = 400  # parameters of one statement
IN_INDEX = "kind IN ({})".format(", ".join(f"'{kind}'" for kind in BLUEPRINTS))
COMPLAINTS = ("WarmPoolNotProgressing", "WarmPoolProgressing")


@dataclass(frozen=True, slots=True)
class Stored:
    """The newest version of a pool or a template, as it was met."""

    key: Key
    uid: str
    kind: Kind
    version: Version
    object: Object


def _blueprints() -> QuerySet[ObjectVersion]:
    return ObjectVersion.objects.filter(RawSQL(IN_INDEX, (), output_field=BooleanField()))  # noqa: S611 - a constant


def newest(before_ns: int | None = None, kinds: Iterable[Kind] = (Kind.POOL, Kind.TEMPLATE)) -> list[Stored]:
    """The newest version of each pool and template, of all or of those that came before a moment."""
    found = _blueprints().filter(kind__in=[kind.value for kind in kinds])
    if before_ns is not None:
        found = found.filter(received_ns__lt=before_ns)
    grouped = found.order_by().values("kind", "cluster_id", "namespace", "name").annotate(at=Max("received_ns"))
    wanted = {
        (row["kind"], row["cluster_id"], row["namespace"], row["name"], row["at"])
        for row in grouped.order_by("-at")[:MAX_OBJECTS]
    }
    times = sorted({key[-1] for key in wanted})
    stored: dict[Any, Stored] = {}
    for position in range(0, len(times), CHUNK):
        rows = found.filter(received_ns__in=times[position : position + CHUNK]).order_by("id")
        for each, at in _read(rows):
            if (each.kind.value, *each.key, at) in wanted:
                stored[each.kind, each.key] = each
    return list(stored.values())


def pool_versions(f: Ranged) -> tuple[list[Stored], bool]:
    """The versions of pools in the range, in the order they came, and whether those are all."""
    rows = in_range(_blueprints().filter(kind=Kind.POOL.value), f, "received_ns")
    found = [each for each, _ in _read(rows.order_by("-received_ns", "-id")[: MAX_VERSIONS + 1])]
    return found[MAX_VERSIONS - 1 :: -1], len(found) <= MAX_VERSIONS


def _read(rows: QuerySet[ObjectVersion]) -> Iterable[tuple[Stored, int]]:
    columns = ("cluster_id", "namespace", "name", "uid", "kind", "change", "received_ns", "object")
    for cluster, namespace, name, uid, kind, change, received_ns, value in rows.values_list(*columns):
        version = Version(received_ns, ChangeType(change), fields.count_at(value, "spec", "replicas"), ready_of(value))
        yield Stored(Key(cluster, namespace, name), uid, Kind(kind), version, value), received_ns


def ready_of(pool: Object) -> int:
    """Zero is left out by the controller."""
    return fields.count_at(pool, "status", "readyReplicas") or 0


def created_of(pool: Object) -> int:
    return fields.count_at(pool, "status", "replicas") or 0


def claim_rows(f: ClaimFilter) -> tuple[list[ClaimRow], bool]:
    """The newest claims of the range that name a pool, and whether those are all."""
    columns = (
        "uid", "name", "cluster_id", "namespace", "pool", "template", "start_type", "state", "cause", "zero_ns",
        "ready_ns", "deleted_ns", "time_to_ready_ns",
    )  # fmt: skip
    found = raw_rows(claims(f).prefetch_related(None).exclude(pool="")[: MAX_CLAIMS + 1], columns)
    return [ClaimRow(*row) for row in found[:MAX_CLAIMS]], len(found) <= MAX_CLAIMS


def newest_claim_ns() -> int | None:
    """When the newest claim began."""
    newest_ns: int | None = Claim.objects.aggregate(newest=Max("zero_ns"))["newest"]
    return newest_ns


def clusters() -> dict[int, Cluster]:
    return {row.pk: row for row in Cluster.objects.all()}


def is_imported(cluster: Cluster | None) -> bool:
    return cluster is not None and cluster.uid == IMPORTED_UID


def complaints(uids: Iterable[str]) -> dict[str, str]:
    """What the controller says of pools that do not fill, by the pool's uid, while its last word is a complaint."""
    found: dict[str, str] = {}
    rows = ObjectVersion.objects.filter(belongs_to__in=list(uids)[:MAX_OBJECTS], kind=Kind.EVENT.value)
    for uid, event in rows.order_by("received_ns", "id").values_list("belongs_to", "object"):
        reason = fields.text_at(event, "reason")
        if reason in COMPLAINTS:
            found[uid] = (
                (fields.text_at(event, "note") or fields.text_at(event, "message")) if reason == COMPLAINTS[0] else ""
            )
    return {uid: words for uid, words in found.items() if words}
