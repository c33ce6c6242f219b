"""The report of a range of time with filters: how claims started, stage by stage, how operations did, what went wrong.

Before: the parameters of the overview or the list of claims. After: `document` writes it.

Percentiles here come from rollups, within 2.2 % of the exact ones; counts are exact, and outlive the spans.
"""

from __future__ import annotations

import time
from dataclasses import replace

from collector import latency
from collector.latency import Figures
from dashboard.overview import charts
from dashboard.overview.change import Change, change
from dashboard.overview.operations import crowded_words
from dashboard.overview.speed import starts
from dashboard.owners import owner
from dashboard.parameters import PAGING_NAMES, TIME_NAMES, Parameters
from dashboard.report.parts import Cell, Figure, Number, Report, Section, Table, length, moment, number, text
from dashboard.templatetags.formats import count, range_words
from dashboard.words import span_kind
from sandboxes import latency as claim_latency
from sandboxes import questions
from sandboxes.lifecycle import STAGES, from_json
from sandboxes.models import Claim
from sandboxes.records import State

MOST_OPERATIONS = 100
MOST_CLAIMS = 25  # of each list
NOT_SAID = TIME_NAMES | PAGING_NAMES | {"heatmap", "sort"}
OWNERS = {stage.name: str(stage.owner) for stage in STAGES}
LEGEND = (("cold", "cold"), ("warm", "warm"))
ROLLED_UP = "Percentiles are within 2.2 % of the exact ones."


def range_report(parameters: Parameters, source: str) -> Report:
    """Of what the parameters ask for, until now where their range is open."""
    now_ns = time.time_ns()
    if parameters.claims.to_ns is None:
        parameters = replace(
            parameters,
            filter=replace(parameters.filter, to_ns=now_ns),
            claims=replace(parameters.claims, to_ns=now_ns),
        )
    f = parameters.claims
    words = f"The last {range_words(parameters.range)}" if parameters.range not in ("", "all") else "A range of time"
    return Report(
        name="range",
        title="All there is" if parameters.range == "all" else words,
        kind="Claims and operations of a range of time",
        made_ns=now_ns,
        source=source,
        facts=[
            ("From", f"{moment(f.from_ns).words} UTC" if f.from_ns is not None else "the beginning"),
            ("To", f"{moment(f.to_ns).words} UTC"),
            *((name, str(value)) for name, value in parameters.query.items() if value and name not in NOT_SAID),
        ],
        sections=[
            _claims(parameters),
            _stages(parameters),
            *_troubled(parameters),
            _slowest(parameters),
            _operations(parameters),
        ],
    )


def _claims(parameters: Parameters) -> Section:
    counted = questions.states(parameters.claims)
    numbers = [Number("Claims", number(sum(counted.values())))]
    numbers += [
        Number(state.capitalize(), number(counted[state], "error" if state == State.FAILED else ""))
        for state in questions.STATES
        if state in counted
    ]
    rows = [
        [text(kind or "all"), *_figures(start.now), *_moved(start.change, start.before)]
        for kind, start in starts(parameters).items()
    ]
    columns = ("Start", "Count", "p50", "p95", "p99", "Max", "p95 before", "Change")
    note = "Claims that began in this time, by the state they are in now. " + ROLLED_UP
    return Section(
        "Claims",
        note,
        numbers,
        figures=[
            Figure(
                "time-to-ready",
                "Time to ready: p50 thick, p95 thin, p99 dashed",
                charts.time_to_ready(parameters),
                legend=LEGEND,
            ),
            Figure("heatmap", "How many took how long when", charts.latency_heatmap(parameters)),
        ],
        tables=[Table("time-to-ready", columns, rows, empty="No claim became ready in this time.")],
    )


def _stages(parameters: Parameters) -> Section:
    rows = []
    for one in claim_latency.stages(parameters.claims).stages:
        moved = None
        if one.before is not None:
            moved = change(one.now.p95_ns, one.before.p95_ns, one.now.count, one.before.count)
        name = text(one.stage, owner=OWNERS.get(one.stage, "client"))
        rows.append([name, text(one.start_type), *_figures(one.now), *_moved(moved, one.before)])
    columns = ("Stage", "Start", "Count", "p50", "p95", "p99", "Max", "p95 before", "Change")
    return Section(
        "Stages", ROLLED_UP, tables=[Table("stages", columns, rows, numbers=2, empty="No stage ended in this time.")]
    )


def _figures(found: Figures) -> list[Cell]:
    return [number(found.count), *(length(ns) for ns in (found.p50_ns, found.p95_ns, found.p99_ns, found.max_ns))]


def _moved(moved: Change | None, before: Figures | None) -> list[Cell]:
    """Against the range of the same length before."""
    return [length(before.p95_ns if before else None), text(moved.short if moved else "")]


def _troubled(parameters: Parameters) -> list[Section]:
    """Claims that are stuck or failed, with why."""
    found = questions.claims(parameters.claims).filter(state__in=(State.STUCK, State.FAILED))
    total = found.count()
    if not total:
        return []
    rows = []
    for claim in found[:MOST_CLAIMS]:
        why = from_json(claim.lifecycle).why
        told = f"{why.sentence} {why.advice}".strip() if why else claim.reason
        state = text(claim.state, tone="error" if claim.state == State.FAILED else "warning")
        rows.append([text(claim.name), text(claim.pool), state, text(told), moment(claim.zero_ns)])
    note = f"The newest {MOST_CLAIMS} of {count(total)}." if total > MOST_CLAIMS else ""
    columns = ("Claim", "Pool", "State", "Why", "Began")
    return [Section("Stuck and failed", note, tables=[Table("troubled", columns, rows, numbers=4)])]


def _slowest(parameters: Parameters) -> Section:
    found = questions.claims(parameters.claims).filter(time_to_ready_ns__isnull=False)
    rows = [
        [
            text(claim.name),
            text(claim.pool),
            text(claim.start_type),
            text(claim.node),
            moment(claim.zero_ns),
            _ready(claim),
        ]
        for claim in found.order_by("-time_to_ready_ns", "-id")[:MOST_CLAIMS]
    ]
    columns = ("Claim", "Pool", "Start", "Node", "Began", "Time to ready")
    table = Table("slowest", columns, rows, numbers=4, empty="No claim became ready in this time.")
    return Section("Slowest starts", tables=[table])


def _ready(claim: Claim) -> Cell:
    return length(claim.time_to_ready_ns, claim.time_to_ready_precision_ns or 1)


def _operations(parameters: Parameters) -> Section:
    found = latency.operations(parameters.filter, limit=MOST_OPERATIONS)
    rows = []
    for one in found.operations:
        before = one.before
        moved = None
        if before is not None:
            moved = change(one.now.p95_ns, before.p95_ns, one.now.count, before.count)
        errors = number(one.now.errors, "error" if one.now.errors else "")
        name = text(one.name, owner=owner(one.service, "", one.name))
        row = [name, text(one.service), text(span_kind(one.kind)), *_figures(one.now), *_moved(moved, before)]
        rows.append([*row[:4], errors, *row[4:]])
    columns = ("Operation", "Service", "Kind", "Count", "Errors", "p50", "p95", "p99", "Max", "p95 before", "Change")
    words = f"The slowest {MOST_OPERATIONS} of {count(found.found)} by p95. " if found.found > MOST_OPERATIONS else ""
    if found.crowded:
        words += crowded_words(found.crowded) + " "
    table = Table("operations", columns, rows, numbers=3, empty="No span in this time.")
    return Section("Operations", words + ROLLED_UP, tables=[table])
