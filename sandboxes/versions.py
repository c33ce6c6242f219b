"""Versions of objects in the database, each once, and the claims they are about.

Before: `store` has opened the transaction. After: `surroundings` reads back all around a claim. A version is known by
(cluster, uid, resourceVersion, how it was met), so that what is listed, watched and imported again adds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from collector.sql import insert_rows, rows_at
from sandboxes.models import ObjectVersion
from sandboxes.objects import belongs_to
from sandboxes.records import Change, ChangeType, Kind

TABLE = ObjectVersion._meta.db_table
IDENTITY = ("uid", "resource_version", "cluster_id")
COLUMNS = (*IDENTITY, "change", "kind", "namespace", "name", "belongs_to", "received_ns", "after_ns", "object")
MAX_OBJECT_BYTES = 2 * 1024 * 1024  # etcd takes 1.5 MB
MAX_DEPTH = 100
CHUNK = 400  # parameters of one statement
IN_BETWEEN = (Kind.CLAIM, Kind.SANDBOX, Kind.POD)  # what leads from an Event to a claim


def insert_new(cluster_id: int, changes: Sequence[Change]) -> list[Change]:
    """Writes the versions that are not there yet, and gives their changes."""
    known = _known(cluster_id, changes)
    new, rows = [], []
    for change in changes:
        version = change.uid, str(change.metadata.get("resourceVersion", ""))
        met = known.setdefault(version, set())
        # To list what was watched tells nothing; to watch what was listed tells when it changed.
        if change.type in met or (change.type == ChangeType.LISTED and met):
            continue
        text = as_json(change.object)
        if len(text) > MAX_OBJECT_BYTES:
            continue
        met.add(change.type)
        new.append(change)
        name, namespace = (str(change.metadata.get(key, "")) for key in ("name", "namespace"))
        whole = (change.type.value, change.kind.value, namespace, name, belongs_to(change))
        rows.append((*version, cluster_id, *whole, change.received_ns, change.after_ns, text))
    insert_rows(TABLE, COLUMNS, rows, "ON CONFLICT DO NOTHING")
    return new


def _known(cluster_id: int, changes: Sequence[Change]) -> dict[tuple[str, str], set[str]]:
    """How each of these versions was met before."""
    wanted = list({(change.uid, str(change.metadata.get("resourceVersion", ""))): None for change in changes})
    known: dict[tuple[str, str], set[str]] = {}
    keys = [(*version, cluster_id) for version in wanted]
    for uid, version, change in rows_at(TABLE, IDENTITY, keys, ("uid", "resource_version", "change")):
        known.setdefault((uid, version), set()).add(change)
    return known


def as_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """An object or a list as JSON text that both databases take: no NUL, no half characters, no number over 64 bits."""
    try:
        text = orjson.dumps(value).decode()
    except (TypeError, ValueError):
        return orjson.dumps(plain(value)).decode()
    return orjson.dumps(plain(value)).decode() if "\\u0000" in text else text


def plain(value: Any, depth: int = 0) -> Any:
    """The same of any value: what both databases take."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)[:100] if value.bit_length() < 1_000 else None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {plain(str(key), depth): plain(item, depth + 1) for key, item in value.items()}
    return [plain(item, depth + 1) for item in value] if isinstance(value, list) else value


def claims_around(clusters: Collection[int], changes: Iterable[Change]) -> set[str]:
    """The uids of the claims these changes are about: up from Events by Pods and Sandboxes."""
    changes = list(changes)
    claims = {change.uid for change in changes if change.kind == Kind.CLAIM}
    steps = {belongs_to(change) for change in changes if change.kind in (Kind.SANDBOX, Kind.POD, Kind.EVENT)}
    seen: set[str] = set()
    while steps := steps - seen - {""}:
        seen |= steps
        found = _above(clusters, sorted(steps))
        claims |= {uid for kind, uid, _ in found if kind == Kind.CLAIM}
        steps = {parent for kind, _, parent in found if kind != Kind.CLAIM}
    return claims


def _above(clusters: Collection[int], uids: Sequence[str]) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for position in range(0, len(uids), CHUNK):
        part = uids[position : position + CHUNK]
        rows = ObjectVersion.objects.filter(cluster__in=clusters, uid__in=part, kind__in=IN_BETWEEN)
        found += rows.values_list("kind", "uid", "belongs_to").distinct()
    return found
