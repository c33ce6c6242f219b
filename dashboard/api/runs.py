"""The API's answers about runs of test sandboxes: the list, and one whole.

Before: the same query parameters as the pages. After: `dashboard.api` has them among its paths.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Router, Status

from dashboard import values
from dashboard.api import rows, run_shapes, shapes
from dashboard.api.parameters import described
from dashboard.csv_rows import iso_time
from dashboard.parameters import RUN_NAMES, parse
from sandboxes.models import Run, RunComparison, RunSandbox
from sandboxes.runs import outcome, questions
from sandboxes.runs.outcome import Spread

Item = dict[str, Any]
MS = 10**6

router = Router()


@router.get(
    "/runs",
    response=run_shapes.Runs,
    openapi_extra=described(RUN_NAMES),
    summary="Runs of test sandboxes, newest first",
)
def runs(request: HttpRequest) -> Item:
    parameters = parse(request.GET, RUN_NAMES, "all")
    page = parameters.page(questions.runs(parameters.claims))
    return {"items": [_run(run) for run in page.rows], "next": rows.cursor(page)}


@router.get(
    "/runs/{uid}",
    response={200: run_shapes.WholeRun, 404: shapes.Problem},
    openapi_extra=described(frozenset()),
    summary="A run with its stages, failures, sandboxes and comparisons",
)
def run(request: HttpRequest, uid: Annotated[str, Path(description="The run's id.")]) -> Status[Item]:
    parse(request.GET, frozenset(), "all")
    row = questions.run_of(uid)
    if row is None:
        sentence = f"No run {values.shown(uid)} is here: it was never started, or it was cleared."
        return Status(404, {"detail": sentence, "problems": {"uid": sentence}})
    sandboxes = outcome.sandboxes_of(uid)
    uids = {name: claim.uid for name, claim in sandboxes.claims.items()}
    compared = RunComparison.objects.filter(run=row).select_related("earlier").order_by("-earlier_id")
    whole: Item = {
        "run": _run(row),
        "stages": [
            {
                "stage": measure.name,
                "owner": measure.owner,
                **{name: _spread(getattr(measure, name)) for name in ("all", "cold", "warm")},
            }
            for measure in outcome.measures(outcome.samples(sandboxes))
        ],
        "failures": [
            asdict(failure) | {"claims": [name for _, name in failure.claims]}
            for failure in outcome.failures(sandboxes)
        ],
        "sandboxes": [_sandbox(sandbox, uids.get(sandbox.claim)) for sandbox in sandboxes.rows],
        "comparisons": [{"earlier": each.earlier.uid, "stages": each.stages} for each in compared],
    }
    return Status(200, whole)


def _run(row: Run) -> Item:
    totals = outcome.totals_of(row)
    names = ("requested", "ready", "failed", "cancelled", "cold", "warm", "timed_out", "ready_per_s")
    return {
        "id": row.uid,
        "number": row.pk,
        "started": iso_time(row.asked_ns),
        **{name: _text(getattr(row, name)) for name in ("asked_ns", "began_ns", "ended_ns")},
        **{name: row.plan[name] for name in ("pool", "namespace", "label")},
        **{name: getattr(totals, name) for name in names},
        "time_to_ready": _spread(totals.time_to_ready),
        **{name: getattr(row, name) for name in ("state", "problem", "asked_by", "note", "plan")},
    }


def _sandbox(row: RunSandbox, claim_uid: str | None) -> Item:
    return {
        **{name: getattr(row, name) for name in ("number", "claim", "state", "error_type", "error", "trace_id")},
        "claim_uid": claim_uid,
        **{name: _text(getattr(row, name)) for name in ("requested_ns", "ready_ns", "deleted_ns")},
        "steps": [
            step | {"began_ns": str(step["began_ns"]), "duration_ms": step["duration_ns"] / MS} for step in row.steps
        ],
    }


def _spread(found: Spread | None) -> Item | None:
    if found is None:
        return None
    return {
        name.replace("_ns", "_ms"): value / MS if name.endswith("_ns") else value
        for name, value in asdict(found).items()
    }


def _text(ns: int | None) -> str | None:
    return None if ns is None else str(ns)
