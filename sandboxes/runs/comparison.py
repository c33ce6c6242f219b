"""Whether a run differs from an earlier one by more than noise, stage by stage. Only the worker loads this (SciPy).

Before: `outcome` has both runs' durations. After: a RunComparison row, which the run's page shows.

The Mann-Whitney test asks whether one of two samples tends to be larger, and assumes nothing of their shape: latencies
are skewed and have two humps when some starts were cold. Thirteen stages are tested at once, so its p-values are
corrected (Benjamini-Hochberg). How much a stage moved is the difference of the medians, with a bootstrap interval.
The 99th percentile of a hundred sandboxes is one of them: for a regression of it, its own interval has to lie above.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

from collector.ingest import ingest
from collector.writer import Committed
from sandboxes.models import Run, RunComparison
from sandboxes.runs.outcome import Sample, samples, sandboxes_of
from sandboxes.runs.recording import RunState

FALSE_DISCOVERIES = 0.05
CONFIDENCE = 0.95
FEWEST = 5  # of fewer than five each, the test can never be surer than that
RESAMPLES = 2_000
SEED = 20_240  # the same runs compare to the same figures
EARLIER_RUNS = 5


@dataclass(frozen=True, slots=True)
class Moved:
    """A stage in both runs, times in ns. `verdict`: slower, faster, noise, or too few to tell."""

    name: str
    count: int
    earlier_count: int
    p50_ns: int
    earlier_p50_ns: int
    shift_ns: int  # of the median
    shift_lower_ns: int | None
    shift_upper_ns: int | None
    p99_ns: int
    earlier_p99_ns: int
    p99_regressed: bool
    p_value: float | None
    verdict: str


def compare(run_id: str, earlier_id: str) -> None:
    """Compares and keeps the answer; once more is well, it replaces the first."""
    new, old = (samples(sandboxes_of(uid)) for uid in (run_id, earlier_id))
    moved = [asdict(each) for each in compare_samples(new, old)]

    def record(committed: Committed) -> None:
        run, earlier = (Run.objects.get(uid=uid) for uid in (run_id, earlier_id))
        RunComparison.objects.update_or_create(
            run=run, earlier=earlier, defaults={"stages": moved, "made_ns": time.time_ns()}
        )
        Run.objects.filter(uid=run_id).update(changed_ns=time.time_ns())
        committed.tell("runs", [run_id])

    ingest.run_from_thread(record)


def compare_with_earlier(run_id: str) -> None:
    """Compares a run that has just ended with the last ones that asked for the same."""
    run = Run.objects.get(uid=run_id)
    earlier = Run.objects.filter(form=run.form, state=RunState.FINISHED, asked_ns__lt=run.asked_ns)
    for earlier_id in earlier.order_by("-asked_ns").values_list("uid", flat=True)[:EARLIER_RUNS]:
        compare(run_id, earlier_id)


def compare_samples(new: Mapping[str, Sample], earlier: Mapping[str, Sample]) -> list[Moved]:
    """The stages both runs have, in their order."""
    both = [name for name in new if name in earlier]
    tested = {name: _p_value(_array(new[name]), _array(earlier[name])) for name in both}
    known = {name: p for name, p in tested.items() if p is not None}
    corrected = dict(zip(known, stats.false_discovery_control(list(known.values())), strict=True)) if known else {}
    return [_moved(name, new[name], earlier[name], corrected.get(name)) for name in both]


def _array(sample: Sample) -> np.ndarray:
    return np.array([duration.ns for duration in sample], dtype=np.float64)


def _precision_ns(sample: Sample) -> float:
    return statistics.median(duration.precision_ns for duration in sample)


def _p_value(new: np.ndarray, earlier: np.ndarray) -> float | None:
    if min(len(new), len(earlier)) < FEWEST:
        return None
    return float(stats.mannwhitneyu(new, earlier, alternative="two-sided").pvalue)


def _moved(name: str, new: Sample, earlier: Sample, p_value: float | None) -> Moved:
    ours, theirs = _array(new), _array(earlier)
    precision_ns = max(_precision_ns(new), _precision_ns(earlier))
    medians, tails = _interval(ours, theirs, 50), _interval(ours, theirs, 99)
    shift_ns = float(np.median(ours) - np.median(theirs))
    verdict = "too few to tell"
    if p_value is not None:
        # What both clocks cannot tell apart is no movement, however sure the test is of it.
        seen = p_value < FALSE_DISCOVERIES and abs(shift_ns) >= precision_ns
        verdict = ("slower" if shift_ns > 0 else "faster") if seen else "noise"
    return Moved(
        name=name,
        count=len(ours),
        earlier_count=len(theirs),
        p50_ns=round(float(np.median(ours))),
        earlier_p50_ns=round(float(np.median(theirs))),
        shift_ns=round(shift_ns),
        shift_lower_ns=round(medians[0]) if medians else None,
        shift_upper_ns=round(medians[1]) if medians else None,
        p99_ns=round(float(np.percentile(ours, 99))),
        earlier_p99_ns=round(float(np.percentile(theirs, 99))),
        p99_regressed=tails is not None and tails[0] > precision_ns,
        p_value=p_value,
        verdict=verdict,
    )


def _interval(new: np.ndarray, earlier: np.ndarray, q: int) -> tuple[float, float] | None:
    """Between which differences the percentile's true one lies; None of samples too small."""
    if min(len(new), len(earlier)) < FEWEST:
        return None
    found = stats.bootstrap(
        (new, earlier),
        lambda a, b, axis: np.percentile(a, q, axis=axis) - np.percentile(b, q, axis=axis),
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return float(found.low), float(found.high)
