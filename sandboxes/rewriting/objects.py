"""Versions of objects, and claims with their stories.

A story is not read anew from the objects: of an old claim some are pruned. What it took from them is masked in it as
objects are. What objects are told apart and found by stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson

from collector.redaction import Rules
from collector.rewriting import Kind, Looked
from collector.rewriting.shapes import differ, looked, page_of
from collector.rollup import SHORTEST_S, Subject, shortest_s
from collector.rollup.windows import NS_PER_S
from collector.sql import rows_in, update_rows
from collector.writer import Committed
from sandboxes import redaction, rollup
from sandboxes.correlate import reported
from sandboxes.models import Claim, ObjectVersion
from sandboxes.objects import MAX_NAME_CHARS
from sandboxes.records import Kind as ObjectKind
from sandboxes.versions import as_json

VERSIONS, CLAIMS = ObjectVersion._meta.db_table, Claim._meta.db_table
OBJECTS_A_PAGE = 100  # an object may have two megabytes
IN_STORY = ("reason", "pool", "template", "sandbox", "node")  # columns beside the story, cut
COLUMNS = ("uid", "namespace", "name", *IN_STORY, "lifecycle")


def kinds(rules: Rules) -> list[Kind]:
    """Objects first, as claims are read from them."""
    return [
        Kind(
            "versions of objects", VERSIONS, partial(_look_at_versions, rules), _rewrite_versions, page=OBJECTS_A_PAGE
        ),
        Kind("claims", CLAIMS, partial(_look_at_claims, rules), partial(_rewrite_claims, rules)),
    ]


def _look_at_versions(rules: Rules, after: int, limit: int) -> Looked:
    rows = page_of(VERSIONS, ("object",), after, limit)
    masked = [(redaction.stored_object(rules, text), row_id) for row_id, text in rows]
    changes = [each for each, (_, text) in zip(masked, rows, strict=True) if differ(text, each[0])]
    return looked(rows, limit, changes)


def _rewrite_versions(changes: Sequence[tuple[str, int]]) -> int:
    update_rows(VERSIONS, ("object",), changes)
    return len(changes)


class Stored(NamedTuple):
    """A claim's row, as it is stored."""

    id: int
    uid: str
    namespace: str
    name: str
    reason: str
    pool: str
    template: str
    sandbox: str
    node: str
    lifecycle: str


def _look_at_claims(rules: Rules, after: int, limit: int) -> Looked:
    rows = [Stored(*row) for row in page_of(CLAIMS, COLUMNS, after, limit)]
    changes = [row.id for row in rows if _is_to_go(rules, row) or _masked(rules, row) is not None]
    return looked(rows, limit, changes)


def _rewrite_claims(rules: Rules, changes: Sequence[int]) -> int:
    """Stories are read anew while objects come: these rows are read again, and held."""
    claims = {row.pk: row for row in Claim.objects.filter(pk__in=changes).order_by("uid").select_for_update()}
    rows = [Stored(*row) for row in rows_in(CLAIMS, ("id", *COLUMNS), "id", sorted(claims))]
    gone = [row.uid for row in rows if _is_to_go(rules, row)]
    reported.take_away(gone, Committed())
    kept = {row.id: found for row in rows if row.uid not in gone and (found := _masked(rules, row)) is not None}
    before = {row_id: rollup.measurements(claims[row_id]) for row_id in kept}
    columns = (*IN_STORY, "lifecycle")
    update_rows(CLAIMS, columns, [(*(found[name] for name in columns), row_id) for row_id, found in kept.items()])
    for row_id, found in kept.items():
        for name in IN_STORY:
            setattr(claims[row_id], name, found[name])
    counted = [row_id for row_id in kept if _has_short_windows(claims[row_id])]
    rollup.change((before[row_id] for row_id in counted), (rollup.measurements(claims[row_id]) for row_id in counted))
    return len(gone) + len(kept)


def _is_to_go(rules: Rules, row: Stored) -> bool:
    """A claim that nothing but a name in telemetry told of, which is masked: at ingest it would not have."""
    return row.uid.startswith(reported.UID_BEGINS) and any(
        rules.text(text) != text for text in (row.name, row.namespace)
    )


def _masked(rules: Rules, row: Stored) -> Mapping[str, str] | None:
    """The columns that hold the story, masked; None where nothing is to be."""
    said = [getattr(row, name) for name in IN_STORY]
    if not (redaction.hides_names(rules) or rules.touches(said, (row.lifecycle,))):
        return None
    story = orjson.loads(row.lifecycle)
    kept = redaction.story_without(rules, story)
    found = {name: _column(rules, row, story, kept, name) for name in IN_STORY}
    if found["sandbox"] != row.sandbox and _is_object(row):
        kept["sandbox"], found["sandbox"] = story["sandbox"], row.sandbox
    same = kept == story and all(found[name] == getattr(row, name) for name in IN_STORY)
    return None if same else {**found, "lifecycle": as_json(kept)}


def _column(rules: Rules, row: Stored, story: Mapping[str, Any], kept: Mapping[str, Any], name: str) -> str:
    """From the story, where it is whole: of a secret that is cut in two neither half is one."""
    value: str = kept[name] if kept[name] != story[name] else rules.text(getattr(row, name))
    return value[:MAX_NAME_CHARS]


def _is_object(row: Stored) -> bool:
    """Whether its Sandbox was seen: its own name, by which it is found, stays."""
    named = ObjectVersion.objects.filter(namespace=row.namespace, kind=ObjectKind.SANDBOX, name=row.sandbox)
    return named.exists()


def _has_short_windows(claim: Claim) -> bool:
    """Whether its measurements can be taken back and counted anew. Of old ones the short windows are gone, and must
    not come back: their series become another as a whole (`latencies`)."""
    return shortest_s(Subject.STAGE, claim.zero_ns) == SHORTEST_S and claim.zero_ns > NS_PER_S
