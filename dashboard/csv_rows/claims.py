"""Claims, their stages and their links as CSV: columns and cells.

Before: `export` walks the claims, or the links, and hands over raw rows. After: `export` writes the cells as CSV.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from django.db.models import F, QuerySet

from dashboard.csv_rows.cells import (
    Cells,
    Lookups,
    Row,
    Table,
    iso_or_empty,
    milliseconds,
    milliseconds_or_empty,
    names,
    number,
    text,
)
from dashboard.parameters import Parameters
from sandboxes import questions
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, Cluster, Link


def _claims(parameters: Parameters) -> QuerySet[Any]:
    return questions.claims(parameters.claims)


def _links(parameters: Parameters) -> QuerySet[Any]:
    """In the order they were made; a list is walked by two columns, hence the id twice."""
    return questions.links(parameters.claims).annotate(place=F("id")).order_by("place", "id")


def _claim_cells(rows: list[Row], lookups: Lookups) -> Iterable[Cells]:
    clusters = lookups.of(Cluster, {row[3] for row in rows if row[3] is not None}, ("name",), text)
    for (
        zero_ns,
        _,
        uid,
        cluster,
        namespace,
        name,
        pool,
        template,
        start,
        state,
        reason,
        sandbox,
        pod,
        node,
        *rest,
    ) in rows:
        created_ns, ready_ns, deleted_ns, ready_after_ns, precision_ns, clock = rest
        yield (
            text(uid),
            clusters.get(cluster, ""),
            *(text(word) for word in (namespace, name, pool, template, start, state, reason, sandbox, pod, node)),
            number(created_ns),
            number(ready_ns),
            number(deleted_ns),
            milliseconds_or_empty(ready_after_ns),
            milliseconds_or_empty(precision_ns),
            clock,
            str(zero_ns),
            iso_or_empty(created_ns),
            iso_or_empty(ready_ns),
            iso_or_empty(deleted_ns),
        )


def _stage_cells(rows: list[Row], lookups: Lookups) -> Iterable[Cells]:
    """A row for each stage of each claim, pre-warmed ones too: those say so."""
    for _, _, uid, namespace, name, pool, template, start, stored in rows:
        claim = tuple(text(word) for word in (uid, namespace, name, pool, template, start))
        for stage in from_json(orjson.loads(stored) if isinstance(stored, str | bytes) else stored).stages:
            yield (
                *claim,
                stage.name,
                str(stage.start.time_ns),
                str(stage.end.time_ns),
                milliseconds(stage.duration_ns),
                milliseconds(stage.lower_ns),
                milliseconds(stage.upper_ns),
                stage.end.clock.value,
                str(stage.precision_ns),
                text(stage.end.source),
                iso_or_empty(stage.start.time_ns),
                iso_or_empty(stage.end.time_ns),
                stage.owner.value,
                "true" if stage.pre_warmed else "false",
            )


def _link_cells(rows: list[Row], lookups: Lookups) -> Iterable[Cells]:
    for _, _, uid, trace_id, span_id, evidence, certainty in rows:
        yield text(uid), bytes(trace_id).hex(), bytes(span_id).hex(), text(evidence), certainty


TABLES = {
    "claims": Table(
        Claim,
        _claims,
        names(
            "zero_ns id uid cluster_id namespace name pool template start_type state reason sandbox pod node"
            " created_ns ready_ns deleted_ns time_to_ready_ns time_to_ready_precision_ns clock"
        ),
        names(
            "uid cluster namespace claim pool template start_type state reason sandbox pod node created_ns ready_ns"
            " deleted_ns time_to_ready_ms time_to_ready_precision_ms clock zero_ns created ready deleted"
        ),
        _claim_cells,
    ),
    "stages": Table(
        Claim,
        _claims,
        names("zero_ns id uid namespace name pool template start_type lifecycle"),
        names(
            "claim_uid namespace claim pool template start_type stage start_ns end_ns duration_ms lower_ms upper_ms"
            " clock precision_ns source start end owner pre_warmed"
        ),
        _stage_cells,
    ),
    "links": Table(
        Link,
        _links,
        names("place id claim_uid trace_id span_id evidence certainty"),
        names("claim_uid trace_id span_id evidence certainty"),
        _link_cells,
    ),
}
