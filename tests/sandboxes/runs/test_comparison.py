"""Two runs that differ only by noise are called noise; a stage that moved is found, with the way it moved."""

from __future__ import annotations

import numpy as np
import pytest

from sandboxes.records import StartType
from sandboxes.runs.comparison import compare_samples
from sandboxes.runs.outcome import Duration, Sample

MS = 10**6
TRIALS = 40


def sample(seed: int, count: int = 100, factor: float = 1.0, precision_ns: int = 1) -> Sample:
    """Lognormal latencies around 300 ms."""
    values = np.random.default_rng(seed).lognormal(np.log(300 * MS), 0.3, count) * factor
    return tuple(Duration(int(value), precision_ns, StartType.COLD) for value in values)


def test_runs_that_differ_by_noise_are_seldom_called_different() -> None:
    verdicts = [compare_samples({"a": sample(2 * n)}, {"a": sample(2 * n + 1)})[0].verdict for n in range(TRIALS)]
    assert verdicts.count("noise") >= TRIALS * 0.85


@pytest.mark.parametrize(("factor", "verdict"), [(1.3, "slower"), (0.75, "faster")])
def test_a_stage_that_moved_is_found_among_those_that_did_not(factor: float, verdict: str) -> None:
    new = {"moved": sample(1, factor=factor), "same": sample(3)}
    moved, same = compare_samples(new, {"moved": sample(2), "same": sample(4)})
    assert (moved.verdict, same.verdict) == (verdict, "noise")
    assert moved.shift_lower_ns is not None
    assert moved.shift_upper_ns is not None
    assert moved.shift_lower_ns <= moved.shift_ns <= moved.shift_upper_ns
    assert (moved.shift_lower_ns > 0) == (verdict == "slower")


def test_a_tail_that_grew_is_a_regression_though_the_median_stands() -> None:
    steady = sample(5, count=400)
    tail = sample(6, count=20, factor=8)
    moved = compare_samples({"a": sample(7, count=400)[:380] + tail}, {"a": steady})[0]
    assert moved.p99_regressed
    assert not compare_samples({"a": steady}, {"a": sample(8, count=400)})[0].p99_regressed


def test_few_sandboxes_tell_nothing() -> None:
    moved = compare_samples({"a": sample(1, count=4, factor=10)}, {"a": sample(2, count=100)})[0]
    assert (moved.verdict, moved.p_value, moved.p99_regressed) == ("too few to tell", None, False)


def test_a_movement_finer_than_the_clocks_is_none() -> None:
    second = 10**9
    new, earlier = sample(1, factor=1.3, precision_ns=second), sample(2, precision_ns=second)
    assert compare_samples({"a": new}, {"a": earlier})[0].verdict == "noise"


def test_a_stage_that_only_one_of_them_has_is_left_out() -> None:
    assert [moved.name for moved in compare_samples({"a": sample(1), "b": sample(2)}, {"b": sample(3)})] == ["b"]
