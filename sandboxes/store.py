"""The cluster's side into the database: versions of objects, and of each claim they touch a row with its story.

Before: `watch` received changes, or a file was imported (`Importing`). After: pages read claims, open ones are told,
`correlate` adds what the client saw. All of it happens in the writer's transaction (`collector.ingest`).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

from django.conf import settings
from django.db.models import QuerySet

from collector.ingest import ingest
from collector.sql import insert_rows
from collector.writer import Committed
from sandboxes import redaction, rollup, surroundings, versions
from sandboxes.lifecycle import from_json, read, time_to_ready, to_json, with_client
from sandboxes.models import Claim, Cluster
from sandboxes.objects import MAX_NAME_CHARS
from sandboxes.records import Change, ChangeType, ClusterIdentity, Kind, Lifecycle, Milestone, Moment, State

ITEMS_PER_CHANGE = 10  # a change costs the writer about as much as ten spans
MAX_REOPENED = 500


# Files do not say which cluster they are from. Objects have uids of their own, so one place serves all files.
IMPORTED = ClusterIdentity("imported", "imported files")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was not known before: versions of objects, and the claims it changed."""

    new: int = 0
    claims: frozenset[str] = frozenset()


def save_changes(cluster: ClusterIdentity, changes: Sequence[Change]) -> Kept:
    """Stores changes from a command, a page's thread or a test; returns after the commit. Raises Unavailable."""
    return ingest.run_from_thread(partial(keep, cluster, changes), ITEMS_PER_CHANGE * len(changes))


def keep(cluster: ClusterIdentity, changes: Sequence[Change], committed: Committed) -> Kept:
    """Stores changes in the caller's transaction."""
    row = cluster_row(cluster, max((change.received_ns for change in changes), default=0))
    rules = settings.REDACTION
    if rules is not None:
        changes = [replace(change, object=redaction.object_without(rules, change.object)) for change in changes]
    new = versions.insert_new(row.pk, changes)
    places = _places(row)
    claims = versions.claims_around(places, new) | _waiting_for(new)
    told = _retell(row, places, claims)
    committed.tell("claims", told)
    committed.tell("pools", {change.uid for change in new if change.kind in (Kind.POOL, Kind.TEMPLATE)})
    return Kept(len(new), frozenset(told))


def keep_story(cluster: ClusterIdentity | None, lifecycle: Lifecycle, committed: Committed) -> bool:
    """Keeps a claim that nothing here tells of, as a bundle tells it; says whether it was kept."""
    if Claim.objects.filter(uid=lifecycle.uid).exists():
        return False
    if (rules := settings.REDACTION) is not None:
        lifecycle = from_json(redaction.lifecycle_without(rules, to_json(lifecycle)))
    row = Claim(uid=lifecycle.uid, cluster=cluster_row(cluster, 0) if cluster else None)
    _fill(row, lifecycle)
    row.save()
    rollup.change([], [rollup.measurements(row)])
    committed.tell("claims", [row.uid])
    return True


def add_client(moments: Mapping[str, tuple[Moment | None, Moment | None]], committed: Committed) -> None:
    """Adds to claims, by uid, when their client had them and ran its first command; telemetry tells that."""
    rows = list(_locked(moments))
    before = [rollup.measurements(row) for row in rows]
    for row in rows:
        _fill(row, with_client(from_json(row.lifecycle), *moments[row.uid]))
    _write(rows)
    rollup.change(before, map(rollup.measurements, rows))
    committed.tell("claims", [row.uid for row in rows])


def cluster_row(cluster: ClusterIdentity, seen_ns: int) -> Cluster:
    """Its row, which says when something of it was last seen."""
    members = {"name": cluster.name, "api_version": cluster.api_version, "last_seen_ns": seen_ns}
    row, made = Cluster.objects.get_or_create(uid=cluster.uid, defaults=members)
    if not made and seen_ns > row.last_seen_ns:
        row.name, row.api_version, row.last_seen_ns = cluster.name, cluster.api_version, seen_ns
        row.save()
    return row


def _places(row: Cluster) -> set[int]:
    """Where objects of this cluster may be kept: what was imported may be from it."""
    imported = Cluster.objects.filter(uid=IMPORTED.uid).values_list("pk", flat=True)
    return {row.pk, *imported}


def _waiting_for(new: Iterable[Change]) -> set[str]:
    """Claims not ready yet whose pool or template has come or gone: what holds them up may be another thing now."""
    names = {
        (str(change.metadata.get("namespace", "")), str(change.metadata.get("name", "")))
        for change in new
        if change.kind in (Kind.POOL, Kind.TEMPLATE) and change.type != ChangeType.MODIFIED
    }
    if not names:
        return set()
    waiting = Claim.objects.filter(state__in=(State.STARTING, State.STUCK))
    rows = waiting.order_by("-zero_ns").values_list("uid", "namespace", "pool", "template")[:MAX_REOPENED]
    return {uid for uid, namespace, pool, template in rows if names & {(namespace, pool), (namespace, template)}}


def look_again(cluster: ClusterIdentity, committed: Committed) -> int | None:
    """Reads the stories of claims that are starting: to wait too long is news that no change brings.

    Gives how many are starting; None when nothing is known of the cluster: somebody has cleared everything.
    """
    row = Cluster.objects.filter(uid=cluster.uid).first()
    if row is None:
        return None
    starting = list(Claim.objects.filter(cluster=row, state=State.STARTING).order_by("-zero_ns")[:MAX_REOPENED])
    changed = []
    before = {claim.uid: rollup.measurements(claim) for claim in starting}
    around = surroundings.around_all(_places(row), [claim.uid for claim in starting])
    for claim in starting:
        lifecycle = read(around.get(claim.uid, []), now_ns=time.time_ns())
        if lifecycle is not None and (lifecycle.state, lifecycle.why) != _told(claim):
            _fill(claim, with_client(lifecycle, *_client_moments(claim)))
            changed.append(claim)
    Claim.objects.bulk_update(changed, CHANGING)
    rollup.change((before[claim.uid] for claim in changed), map(rollup.measurements, changed))
    if changed:
        committed.tell("claims", [claim.uid for claim in changed])
    return len(starting)


def _told(claim: Claim) -> tuple[State, object]:
    known = from_json(claim.lifecycle)
    return known.state, known.why


def _retell(cluster: Cluster, places: Collection[int], uids: Collection[str]) -> list[str]:
    """Reads the stories of these claims anew; gives the uids of those that have one."""
    rows = {row.uid: row for row in _locked(uids)}
    before = {uid: rollup.measurements(row) for uid, row in rows.items()}
    by_cluster: dict[int, list[Claim]] = defaultdict(list)
    for uid in sorted(uids):
        row = rows.get(uid) or Claim(uid=uid)
        if row.cluster_id is None or cluster.uid != IMPORTED.uid:
            row.cluster_id = cluster.pk
        by_cluster[row.cluster_id].append(row)
    kept = []
    for cluster_id, claims in by_cluster.items():
        around = surroundings.around_all({*places, cluster_id}, [row.uid for row in claims])
        for row in claims:
            lifecycle = read(around.get(row.uid, []))
            if lifecycle is not None:
                _fill(row, with_client(lifecycle, *_client_moments(row)))
                kept.append(row)
    _write(kept)
    rollup.change((before[row.uid] for row in kept if row.uid in before), map(rollup.measurements, kept))
    return [row.uid for row in kept]


def _locked(uids: Collection[str]) -> QuerySet[Claim]:
    """These claims, which nobody else changes until this transaction ends: their stages are counted once."""
    return Claim.objects.filter(uid__in=list(uids)).order_by("uid").select_for_update()


def _client_moments(row: Claim) -> tuple[Moment | None, Moment | None]:
    """What telemetry has told about a claim, which its objects do not know."""
    known = from_json(row.lifecycle).moments if row.lifecycle else {}
    return known.get(Milestone.CLIENT_READY), known.get(Milestone.FIRST_COMMAND)


COPIED = ("namespace", "name", "pool", "template", "start_type", "state", "reason", "sandbox", "pod", "node", "zero_ns")
CHANGING = (
    *COPIED,
    *("created_ns", "ready_ns", "deleted_ns", "time_to_ready_ns", "time_to_ready_precision_ns", "clock"),
    *("cause", "lifecycle", "changed_ns"),
)
PLAIN = ("uid", "cluster_id", *(name for name in CHANGING if name != "lifecycle"))
COLUMNS = (*PLAIN, "lifecycle")
UPSERT = (
    f"ON CONFLICT (uid) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS if name != 'uid')}"
)
_plain = attrgetter(*PLAIN)


def _write(claims: Iterable[Claim]) -> None:
    """Inserts these rows, or puts them in the place of those that are there, which are locked.

    Django's bulk_create prepares value by value and writes JSON slowly: a tenth of all that a claim of a first list
    took. Its bulk_update makes a CASE of each value besides.
    """
    rows = [(*_plain(claim), versions.as_json(claim.lifecycle)) for claim in claims]
    insert_rows(Claim._meta.db_table, COLUMNS, rows, UPSERT)


def _fill(row: Claim, lifecycle: Lifecycle) -> None:
    """Copies what lists show from the story into the row."""
    for name in COPIED:
        value = getattr(lifecycle, name)
        # No name is longer; a stranger's file may say so, and PostgreSQL indexes no text beyond 2.7 kB.
        setattr(row, name, value[:MAX_NAME_CHARS] if isinstance(value, str) else value)
    row.cause = lifecycle.why.cause if lifecycle.why else ""
    moments = lifecycle.moments
    created, ready, deleted = (
        moments.get(milestone) for milestone in (Milestone.CREATED, Milestone.CLAIM_READY, Milestone.DELETED)
    )
    row.created_ns = created.time_ns if created else None
    row.ready_ns = ready.time_ns if ready else None
    row.deleted_ns = deleted.time_ns if deleted else None
    took = time_to_ready(lifecycle)
    row.time_to_ready_ns = took.duration_ns if took else None
    row.time_to_ready_precision_ns = took.precision_ns if took else None
    row.clock = ready.clock if ready else ""
    row.lifecycle = to_json(lifecycle)
    row.changed_ns = max(time.time_ns(), (row.changed_ns or 0) + 1)
