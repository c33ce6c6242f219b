"""The report of a run: what was asked for, what came of it, stage by stage, what failed and why, every sandbox.

Before: `runs.sheet` and `runs.stages`, which the run's page draws too. After: `document` writes it.
"""

from __future__ import annotations

import time

from dashboard.report.figures import spread_of, spreads
from dashboard.report.parts import Cell, Figure, Number, Report, Section, Table, length, moment, number, text
from dashboard.runs import precision, sheet
from dashboard.templatetags.claims import claim_name
from dashboard.templatetags.formats import count
from dashboard.templatetags.runs import moved_words
from sandboxes.models import Claim, Run, RunComparison
from sandboxes.records import StartType
from sandboxes.runs import outcome
from sandboxes.runs.outcome import Measure, Spread

ALL_ROWS = 10_000
KINDS = [(str(StartType.COLD), "cold"), (str(StartType.WARM), "warm"), (str(StartType.UNKNOWN), "program")]
STAGE_COLUMNS = ("Stage", "Count", "p50", "p95", "p99", "Max", "Cold p50", "Warm p50")


def run_report(run: Run, source: str) -> Report:
    """As the run is now."""
    now_ns = time.time_ns()
    shown = sheet.read(run, now_ns, ALL_ROWS)
    compared = RunComparison.objects.filter(run=run).select_related("earlier").order_by("-earlier_id").first()
    return Report(
        name=f"run-{run.pk}",
        title=f"Run {run.pk}" + (f": {shown.plan.label}" if shown.plan.label else ""),
        kind="Run of test sandboxes",
        made_ns=now_ns,
        source=source,
        facts=_facts(run, shown),
        lead=run.note,
        sections=[_numbers(shown), _stages(shown, compared), *_failures(shown), _sandboxes(run, shown)],
    )


def _facts(run: Run, shown: sheet.Sheet) -> list[tuple[str, str]]:
    plan = shown.plan
    pace = f"{plan.rate_per_s:g} a second" if plan.rate_per_s else f"{plan.concurrency} at a time"
    return [
        ("State", run.state + (f": {run.problem}" if run.problem else "")),
        ("Pool", f"{plan.pool} in {plan.namespace}"),
        ("Asked for", f"{count(plan.count)} sandboxes, {pace}"),
        ("Began", f"{moment(run.began_ns).words} UTC"),
        *(("Command", command) for command in plan.commands[:5]),
    ]


def _numbers(shown: sheet.Sheet) -> Section:
    totals, waited = shown.totals, shown.totals.time_to_ready
    failed = number(totals.failed, "error" if totals.failed else "")
    found = [
        Number("Requested", number(shown.plan.count)),
        Number("Ready", number(totals.ready)),
        Number("Failed", failed, f"{len(shown.failures)} causes" if len(shown.failures) > 1 else ""),
        Number("Cancelled", number(totals.cancelled)),
        Number("Cold", number(totals.cold)),
        Number("Warm", number(totals.warm)),
        *(Number(name, _at(waited, name)) for name in ("p50", "p95", "p99", "max")),
        *(Number(f"Cold {name}", _at(shown.cold, name)) for name in ("p50", "p95") if shown.cold),
        *(Number(f"Warm {name}", _at(shown.warm, name)) for name in ("p50", "p95") if shown.warm),
    ]
    sample = shown.samples.get(outcome.TIME_TO_READY, ())
    legend = [(token, kind) for kind, token in KINDS if any(one.start == kind for one in sample)]
    chart = spread_of(sample, KINDS)
    note = "Percentiles are of the time to ready as the client saw it, each one that was measured (nearest rank)."
    return Section("Result", note, found, figures=[Figure("spread", "Time to ready", chart, legend=legend)])


def _at(of: Spread | None, name: str) -> Cell:
    return length(None) if of is None else length(*precision.shown(of)[name])


def _stages(shown: sheet.Sheet, compared: RunComparison | None) -> Section:
    moved = {stage["name"]: stage for stage in compared.stages} if compared else {}
    earlier = f"run {compared.earlier.pk}" if compared else ""
    columns = [*STAGE_COLUMNS, *([f"p50 of {earlier}", "Moved"] if compared else [])]
    rows = []
    for measure in shown.measures:
        row = _stage_row(measure)
        if compared:
            found = moved.get(measure.name)
            row.append(length(found["earlier_p50_ns"] if found else None))
            row.append(text(f"{found['verdict']}: {moved_words(found)}" if found else ""))
        rows.append(row)
    p50_ns = {name: stage["earlier_p50_ns"] for name, stage in moved.items()}
    chart = spreads(shown.measures, p50_ns, earlier)
    title = "p50, with a line up to p95" + (f"; triangle: p50 of {earlier}" if earlier else "")
    height = "tall" if len(rows) > 6 else ""
    table = Table("stages", columns, rows, empty="No stage was measured.")
    return Section("Stages", figures=[Figure("stages", title, chart, height)], tables=[table])


def _stage_row(measure: Measure) -> list[Cell]:
    return [
        text(measure.name, owner=measure.owner),
        number(measure.all.count),
        *(_at(measure.all, name) for name in ("p50", "p95", "p99", "max")),
        _at(measure.cold, "p50"),
        _at(measure.warm, "p50"),
    ]


def _failures(shown: sheet.Sheet) -> list[Section]:
    if not shown.failures:
        return []
    rows = [
        [
            text(one.cause or one.error_type),
            text(f"{one.sentence} {one.advice}".strip()),
            text(", ".join(claim_name(name) for _, name in one.claims)),
            number(one.count),
        ]
        for one in shown.failures
    ]
    table = Table("failures", ("Cause", "What is known of it", "Claims", "Count"), rows, numbers=3)
    return [Section("Failures by cause", tables=[table])]


def _sandboxes(run: Run, shown: sheet.Sheet) -> Section:
    """Every sandbox with the client's time, and the cluster's of its claim: the one in claims.csv."""
    found = sorted([*shown.flight, *shown.ended], key=lambda row: row.sandbox.number)
    claims = {claim.uid: claim for claim in Claim.objects.filter(uid__in=[row.uid for row in found if row.uid])}
    rows = []
    for row in found:
        box, claim = row.sandbox, claims.get(row.uid)
        waited_ns = box.ready_ns - box.requested_ns if box.ready_ns and box.requested_ns else None
        rows.append(
            [
                text(box.claim),
                text(str(row.start_type)),
                text(f"{box.state}{': ' if box.error else ''}{box.error}", tone="error" if box.error_type else ""),
                text(claim.node if claim else ""),
                moment(box.requested_ns),
                length(waited_ns),
                length(
                    claim.time_to_ready_ns if claim else None, (claim.time_to_ready_precision_ns if claim else 1) or 1
                ),
            ]
        )
    columns = ("Claim", "Start", "State", "Node", "Requested", "Ready, client", "Ready, cluster")
    return Section("Sandboxes", tables=[Table("sandboxes", columns, rows, numbers=4, empty="None was started.")])
