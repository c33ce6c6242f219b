"""What a run came to, or has come to so far: percentiles per stage, failures by cause. Read, not stored.

Before: `recording` has the client's side of each sandbox, the watcher the cluster's. After: pages, exports and
`comparison` take it from here; `totals`, which lists need of many runs at once, is kept with the run when it ends.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from collector.percentiles import nearest
from sandboxes.lifecycle import STAGES, durations_in, from_json
from sandboxes.models import Claim, Run, RunSandbox
from sandboxes.plans import from_json as plan_from_json
from sandboxes.records import Lifecycle, StartType
from sandboxes.runs.recording import SandboxState

TIME_TO_READY = "time to ready"  # as the client saw it: from before its request until it had the sandbox
COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took in so many cases, in ns; each figure was measured once, and to that precision."""

    count: int
    p50_ns: int
    p95_ns: int
    p99_ns: int
    max_ns: int
    p50_precision_ns: int = 1
    p95_precision_ns: int = 1
    p99_precision_ns: int = 1
    max_precision_ns: int = 1

    def at(self, name: str) -> tuple[int, int]:
        """(ns, its precision) of p50, p95, p99 or max."""
        return getattr(self, f"{name}_ns"), getattr(self, f"{name}_precision_ns")


@dataclass(frozen=True, slots=True)
class Totals:
    """A run in numbers; what is asked of lists."""

    requested: int
    ready: int
    failed: int
    cancelled: int
    cold: int
    warm: int
    timed_out: int
    ready_per_s: float | None  # from the first request until the last was ready
    time_to_ready: Spread | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A stage, over all sandboxes and by how they started."""

    name: str
    owner: str
    all: Spread
    cold: Spread | None
    warm: Spread | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Sandboxes that failed in the same way: the SDK's exception, and what the cluster says of the claim."""

    error_type: str
    cause: str
    count: int
    sentence: str
    advice: str
    claims: tuple[tuple[str, str], ...]  # uid or nothing, name; the first few


MAX_NAMED = 5


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """How long a stage took of one sandbox, and how well that is known."""

    ns: int
    precision_ns: int = 1
    start: StartType = StartType.UNKNOWN


Sample = tuple[Duration, ...]  # of a stage, one a sandbox


def spread(sample: Iterable[Duration]) -> Spread | None:
    """By nearest rank: every figure is one that was measured."""
    row = sorted(sample)
    if not row:
        return None
    figures = [nearest(row, q) for q in (0.5, 0.95, 0.99, 1)]
    return Spread(len(row), *(each.ns for each in figures), *(each.precision_ns for each in figures))


@dataclass(frozen=True)
class Sandboxes:
    """A run's sandboxes from both sides, read once: the client's rows, and by name the claims the watcher knows."""

    rows: list[RunSandbox]  # by number
    claims: dict[str, Claim]
    _stories: dict[str, Lifecycle] = field(default_factory=dict)

    def story(self, name: str) -> Lifecycle | None:
        """A claim's lifecycle; read when it is asked for: a page shows a few rows of hundreds."""
        if name not in self._stories and name in self.claims:
            self._stories[name] = from_json(self.claims[name].lifecycle)
        return self._stories.get(name)


def sandboxes_of(run_id: str) -> Sandboxes:
    """All of a run. The names of its claims are its own alone."""
    rows = list(RunSandbox.objects.filter(run__uid=run_id).order_by("number"))
    names = [row.claim for row in rows]
    claims = {claim.name: claim for claim in Claim.objects.filter(name__in=names, cluster__isnull=False)}
    return Sandboxes(rows, claims)


def totals(sandboxes: Sandboxes) -> Totals:
    """Over the sandboxes of one run."""
    rows, claims = sandboxes.rows, sandboxes.claims
    states = Counter(row.state for row in rows)
    ready = [row for row in rows if row.ready_ns is not None]
    starts = Counter(claims[row.claim].start_type for row in ready if row.claim in claims)
    waits = [Duration(row.ready_ns - row.requested_ns) for row in ready if row.ready_ns and row.requested_ns]
    span_ns = 0
    if ready:
        span_ns = max(row.ready_ns or 0 for row in ready) - min(row.requested_ns for row in rows if row.requested_ns)
    return Totals(
        requested=len(rows),
        ready=len(ready),
        failed=states[SandboxState.FAILED],
        cancelled=states[SandboxState.CANCELLED],
        cold=starts[StartType.COLD],
        warm=starts[StartType.WARM],
        timed_out=sum(row.error_type == "TimeoutError" for row in rows),
        ready_per_s=len(ready) * 1e9 / span_ns if span_ns > 0 else None,
        time_to_ready=spread(waits),
    )


def samples(sandboxes: Sandboxes) -> dict[str, Sample]:
    """Every stage's durations, in the order of the stage table, then what the client saw."""
    found: dict[str, list[Duration]] = defaultdict(list)
    for row in sandboxes.rows:
        claim = sandboxes.claims.get(row.claim)
        start = StartType(claim.start_type) if claim else StartType.UNKNOWN
        if row.requested_ns and row.ready_ns:
            found[TIME_TO_READY].append(Duration(row.ready_ns - row.requested_ns, start=start))
        for step in row.steps:
            if step["exit_code"] is not None:
                found[COMMAND].append(Duration(step["duration_ns"], start=start))
        for name, duration_ns, precision_ns in durations_in(claim.lifecycle) if claim else ():
            found[name].append(Duration(duration_ns, precision_ns, start))
    order = [TIME_TO_READY, *(stage.name for stage in STAGES), COMMAND]
    return {name: tuple(found[name]) for name in order if found[name]}


def measures(sampled: Mapping[str, Sample]) -> list[Measure]:
    """Percentiles of each stage."""
    owners = {stage.name: stage.owner.value for stage in STAGES}
    found = []
    for name, sample in sampled.items():
        everything = spread(sample)
        assert everything is not None  # an empty sample is none
        cold, warm = (
            spread(duration for duration in sample if duration.start == start)
            for start in (StartType.COLD, StartType.WARM)
        )
        found.append(Measure(name, owners.get(name, "client"), everything, cold, warm))
    return found


def failures(sandboxes: Sandboxes) -> list[Failure]:
    """Failed sandboxes by cause, the most frequent first."""
    claims = sandboxes.claims
    groups: dict[tuple[str, str], list[RunSandbox]] = defaultdict(list)
    for row in sandboxes.rows:
        if row.state == SandboxState.FAILED:
            story = sandboxes.story(row.claim)
            why = story.why if story else None
            groups[row.error_type, why.cause if why else ""].append(row)
    found = []
    for (error_type, cause), group in sorted(groups.items(), key=lambda item: -len(item[1])):
        story = next(filter(None, (sandboxes.story(row.claim) for row in group)), None)
        why = story.why if story else None
        named = tuple((claims[row.claim].uid if row.claim in claims else "", row.claim) for row in group[:MAX_NAMED])
        sentence = why.sentence if why else group[0].error
        found.append(Failure(error_type, cause, len(group), sentence, why.advice if why else "", named))
    return found


def final(run_id: str) -> dict[str, Any]:
    """Totals as they are kept with a run that has ended."""
    return asdict(totals(sandboxes_of(run_id)))


def totals_of(run: Run) -> Totals:
    """A run's totals: kept, or counted while it goes on."""
    if run.outcome is None:
        # One that waits for a worker has no sandboxes yet.
        return replace(totals(sandboxes_of(run.uid)), requested=plan_from_json(run.plan).count)
    return totals_from(run.outcome)


def totals_from(stored: Mapping[str, Any]) -> Totals:
    """Totals as `final` made them."""
    waited = stored["time_to_ready"]
    return Totals(**{**stored, "time_to_ready": Spread(**waited) if waited else None})
