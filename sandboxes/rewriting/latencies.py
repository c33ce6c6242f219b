"""What claims' stages are measured by: the names of pools and templates in it are masked as those of claims are.

Two series that are one then are counted as one: `collector.rollup.merging` does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from collector import intern
from collector.clearing import move_epoch
from collector.redaction import Rules
from collector.rewriting import Kind, Looked, Merged
from collector.rewriting.moved import latencies
from collector.rewriting.shapes import looked, page_of
from collector.rollup import Subject, series_in_use
from collector.rollup.cardinality import number_of
from collector.rollup.merging import renumber
from collector.sql import delete_rows, rows_in, update_rows
from sandboxes import redaction
from sandboxes.models import StageSeries
from sandboxes.rollup import SeriesKey

SERIES = StageSeries._meta.db_table


class Change(NamedTuple):
    """A series as it is, and as it is to be."""

    id: int
    before: SeriesKey
    after: SeriesKey


def kinds(rules: Rules, merged: Merged) -> list[Kind]:
    """The series; then the windows of those that are another one; then these are gone."""
    moved = merged.ids[SERIES]
    return [
        Kind("series of stages", SERIES, partial(_look, rules), partial(_rewrite, merged)),
        *latencies(Subject.STAGE, lambda: moved),
        Kind("series of stages", SERIES, partial(_look_at_merged, merged), _delete, is_of_others=True),
    ]


def _look(rules: Rules, after: int, limit: int) -> Looked:
    rows = page_of(SERIES, SeriesKey._fields, after, limit)
    keys = [(row[0], SeriesKey(*row[1:])) for row in rows]
    masked = [Change(row_id, key, _masked(rules, key)) for row_id, key in keys]
    return looked(rows, limit, [change for change in masked if change.after != change.before])


def _masked(rules: Rules, key: SeriesKey) -> SeriesKey:
    pool, template = redaction.blueprints_without(rules, key.pool, key.template)
    return key._replace(pool=pool, template=template)


def _rewrite(merged: Merged, changes: Sequence[Change]) -> int:
    move_epoch()  # on PostgreSQL it waits for those who may be adding such a series
    digests = {change.id: intern.digest(change.after) for change in changes}
    found = rows_in(SERIES, ("id", "digest"), "digest", sorted(set(digests.values())))
    there = {bytes(digest): row_id for row_id, digest in found}
    kept = []
    for change in changes:
        other = there.setdefault(digests[change.id], change.id)
        if other == change.id:
            kept.append((digests[change.id], *change.after, change.id))
        else:
            merged.add(SERIES, change.id, other)
    update_rows(SERIES, ("digest", *SeriesKey._fields), kept)
    renumber(Subject.STAGE, {_number(change.before): _number(change.after) for change in changes})
    return len(changes)


def _number(key: SeriesKey) -> int:
    return number_of(*map(str, key[1:]))


def _look_at_merged(merged: Merged, after: int, limit: int) -> Looked:
    ids = sorted(merged.ids[SERIES])
    return Looked(None, len(ids), ids)


def _delete(changes: Sequence[int]) -> int:
    used = series_in_use(Subject.STAGE)
    return delete_rows(SERIES, [each for each in changes if each not in used])
