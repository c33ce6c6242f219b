"""Runs of test sandboxes as CSV: columns and cells.

Before: `export` walks the runs and hands over raw rows. After: `export` writes the cells as CSV.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from django.db.models import QuerySet

from dashboard.csv_rows.cells import Cells, Lookups, Row, Table, iso_time, milliseconds_or_empty, names, number, text
from dashboard.parameters import Parameters
from sandboxes.models import Run
from sandboxes.runs import outcome, questions


def _runs(parameters: Parameters) -> QuerySet[Any]:
    return questions.runs(parameters.claims)


def _cells(rows: list[Row], lookups: Lookups) -> Iterable[Cells]:
    going_on = {run.pk: run for run in Run.objects.filter(pk__in=[row[1] for row in rows if row[-1] is None])}
    for asked_ns, pk, uid, state, note, asked_by, began_ns, ended_ns, stored_plan, stored in rows:
        plan = orjson.loads(stored_plan) if isinstance(stored_plan, str | bytes) else stored_plan
        found = orjson.loads(stored) if isinstance(stored, str | bytes) else stored
        totals = outcome.totals_from(found) if found else outcome.totals_of(going_on[pk])
        waited = totals.time_to_ready
        yield (
            text(uid),
            iso_time(asked_ns),
            text(plan["pool"]),
            text(plan["namespace"]),
            str(plan["count"]),
            str(totals.ready),
            str(totals.failed),
            str(totals.cancelled),
            *map(
                milliseconds_or_empty, (waited.p50_ns, waited.p95_ns, waited.p99_ns) if waited else (None, None, None)
            ),
            state,
            text(note),
            str(pk),
            text(asked_by),
            str(asked_ns),
            number(began_ns),
            number(ended_ns),
            str(totals.cold),
            str(totals.warm),
            str(totals.timed_out),
            text(plan["label"]),
            text(orjson.dumps(plan).decode()),
        )


TABLES = {
    "runs": Table(
        Run,
        _runs,
        names("asked_ns id uid state note asked_by began_ns ended_ns plan outcome"),
        names(
            "id started pool namespace requested ready failed cancelled p50_ms p95_ms p99_ms state note number asked_by"
            " asked_ns began_ns ended_ns cold warm timed_out label plan"
        ),
        _cells,
    )
}
