"""One run as its page shows it: numbers, a cell for each sandbox, rows of those in flight and of those done.

Before: `recording` has the client's side, the watcher the claims. After: views.run draws it, again and again while the
run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.axis import Tick, scale_ns, ticks
from dashboard.claim.mini_bar import MiniBar, mini_bar
from sandboxes.models import Claim, Run, RunSandbox
from sandboxes.plans import Plan
from sandboxes.plans import from_json as plan_from_json
from sandboxes.records import StartType
from sandboxes.runs import outcome
from sandboxes.runs.outcome import Measure, Spread, Totals
from sandboxes.runs.recording import GOING_ON, RunState, SandboxState

ROWS = 20  # of each table, until all are asked for
SHADES = 5  # of a cold cell: darker is slower
EMPTY_SCALE_NS = 2 * 10**9
FLIGHT = (SandboxState.CREATING, SandboxState.READY, SandboxState.RAN)
DOING = {
    SandboxState.CREATING: "starting",
    SandboxState.READY: "running its commands",
    SandboxState.RAN: "being deleted",
}
NOW = {
    "created": "creating the claim",
    "observed": "waiting for the controller",
    "bound": "getting a sandbox",
    "pod created": "creating the Pod",
    "scheduled": "scheduling",
    "started": "pulling image, starting",
    "pod ready": "waiting for readiness",
    "sandbox ready": "almost ready",
    "claim ready": "almost ready",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A sandbox as one small square. `shade` from 1 to SHADES, of those that are ready."""

    look: str  # warm, cold, unknown, failed, flight, cancelled, waiting
    shade: int
    words: str
    uid: str


@dataclass(frozen=True, slots=True)
class Row:
    """A sandbox in a table."""

    sandbox: RunSandbox
    uid: str  # the claim's, once it was seen in the cluster
    start_type: str
    now: str
    bar: MiniBar | None
    elapsed_ns: int | None
    never: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything on the page."""

    run: Run
    plan: Plan
    totals: Totals
    done: int
    flight_count: int
    waiting: int
    going_on: bool
    can_cancel: bool
    elapsed_ns: int | None
    left_ns: int | None
    cold: Spread | None
    warm: Spread | None
    warm_percent: int | None
    cells: list[Cell]
    ticks: list[Tick]
    flight: list[Row]
    ended: list[Row]
    samples: Mapping[str, outcome.Sample]
    measures: list[Measure]
    failures: list[outcome.Failure]


def read(run: Run, now_ns: int, rows_shown: int = ROWS) -> Sheet:
    """The run as it is now."""
    sandboxes = outcome.sandboxes_of(run.uid)
    rows, claims = sandboxes.rows, sandboxes.claims
    waits = {row.number: row.ready_ns - row.requested_ns for row in rows if row.ready_ns and row.requested_ns}
    plan = plan_from_json(run.plan)
    flight = [row for row in rows if row.state in FLIGHT]
    starting = [now_ns - row.requested_ns for row in flight if row.requested_ns and not row.ready_ns]
    scale = scale_ns([*waits.values(), *starting] or [EMPTY_SCALE_NS])
    ended = [row for row in rows if row.state not in FLIGHT and row.state != SandboxState.WAITING and row.requested_ns]
    totals = replace(outcome.totals(sandboxes), requested=plan.count)
    samples = outcome.samples(sandboxes)
    measures = outcome.measures(samples)
    waited = next((measure for measure in measures if measure.name == outcome.TIME_TO_READY), None)
    elapsed_ns = (run.ended_ns or now_ns) - run.began_ns if run.began_ns else None
    known = totals.cold + totals.warm
    return Sheet(
        run=run,
        plan=plan,
        totals=totals,
        done=len(ended),
        flight_count=len(flight),
        waiting=plan.count - len(flight) - len(ended) if run.state in GOING_ON else 0,
        going_on=run.state in GOING_ON,
        can_cancel=run.state in (RunState.QUEUED, RunState.RUNNING),
        elapsed_ns=elapsed_ns,
        left_ns=_left_ns(run, plan, len(ended), elapsed_ns),
        cold=waited.cold if waited else None,
        warm=waited.warm if waited else None,
        warm_percent=round(100 * totals.warm / known) if known else None,
        cells=_cells(rows, claims, waits, plan),
        ticks=ticks(scale, most=5),
        flight=[
            _row(row, sandboxes, scale, now_ns)
            for row in sorted(flight, key=lambda row: row.requested_ns or now_ns)[:rows_shown]
        ],
        ended=[
            _row(row, sandboxes, scale, now_ns)
            for row in sorted(ended, key=lambda row: row.deleted_ns or row.ran_ns or row.number, reverse=True)[
                :rows_shown
            ]
        ],
        samples=samples,
        measures=measures,
        failures=outcome.failures(sandboxes),
    )


def _left_ns(run: Run, plan: Plan, done: int, elapsed_ns: int | None) -> int | None:
    """About how long the rest takes, at the pace so far; nothing while that says little."""
    if run.state != RunState.RUNNING or not elapsed_ns or done < 3:
        return None
    return elapsed_ns * (plan.count - done) // done


def _row(row: RunSandbox, sandboxes: outcome.Sandboxes, scale: int, now_ns: int) -> Row:
    claim, lifecycle = sandboxes.claims.get(row.claim), sandboxes.story(row.claim)
    bar = mini_bar(lifecycle, scale, now_ns) if lifecycle else None
    in_flight = row.state in FLIGHT
    now = DOING.get(SandboxState(row.state), "")
    if row.state == SandboxState.CREATING and bar and bar.wait:
        now = NOW.get(bar.wait.name, now)
    elapsed_ns = None
    if row.requested_ns and (row.ready_ns or in_flight):
        elapsed_ns = (row.ready_ns or now_ns) - row.requested_ns
    start_type = claim.start_type if claim else StartType.UNKNOWN
    return Row(row, claim.uid if claim else "", start_type, now, bar, elapsed_ns, not in_flight and not row.ready_ns)


def _cells(rows: Sequence[RunSandbox], claims: Mapping[str, Claim], waits: Mapping[int, int], plan: Plan) -> list[Cell]:
    slowest_ns = max(waits.values(), default=1)
    cells = []
    for row in rows:
        claim = claims.get(row.claim)
        start = claim.start_type if claim else StartType.UNKNOWN
        shade = 1 + min(SHADES - 1, SHADES * waits[row.number] // (slowest_ns + 1)) if row.number in waits else 0
        look = {
            SandboxState.WAITING: "waiting",
            SandboxState.CREATING: "flight",
            SandboxState.FAILED: "failed",
            SandboxState.CANCELLED: "cancelled",
        }.get(SandboxState(row.state), start)
        words = f"{row.number}: {row.state}" + (f", {start}" if start != StartType.UNKNOWN else "")
        cells.append(Cell(look, shade, words, claim.uid if claim else ""))
    return cells or [Cell("waiting", 0, f"{number + 1}: waiting", "") for number in range(plan.count)]
