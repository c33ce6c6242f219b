"""How well percentiles and shares are known: the promised 95 of 100, and no difference where there is none."""

from __future__ import annotations

import random

import pytest
from scipy import stats

from collector.histogram import Histogram, number_of_counts, position
from collector.latency.intervals import OUTSIDE, Interval, Verdict, of_percentiles, of_share, ranks_around, verdict

MS = 10**6
PERCENTILES = (0.5, 0.95, 0.99)


def histogram(durations_ns: list[int]) -> Histogram:
    found = Histogram()
    for ns in durations_ns:
        found.add(1, ns, number_of_counts({position(ns): 1}))
    return found


@pytest.mark.parametrize("q", PERCENTILES)
@pytest.mark.parametrize("count", [1, 2, 5, 6, 20, 73, 100, 1_000, 1_001, 50_000])
def test_the_values_around_a_percentile_hold_it_as_often_as_promised(count: int, q: float) -> None:
    low, high = ranks_around(count, q)
    below = stats.binom.cdf(low - 1, count, q) if low else 0.0
    above = stats.binom.sf(high - 1, count, q) if high <= count else 0.0
    assert 0 <= low < high <= count + 1
    assert below <= OUTSIDE
    assert above <= OUTSIDE
    if count <= 1_000:  # and no rank further out than it has to be
        assert stats.binom.cdf(low, count, q) > OUTSIDE
        assert high == 1 or stats.binom.sf(high - 2, count, q) > OUTSIDE


def test_few_values_set_no_bound() -> None:
    assert of_percentiles(histogram([5 * MS] * 5), (0.5,)) == [Interval(None, None)]
    known = of_percentiles(histogram([5 * MS] * 6), (0.5, 0.95))
    assert known[0].lower is not None
    assert known[0].upper == 5 * MS
    assert known[1].upper is None
    assert of_percentiles(Histogram(), (0.5,)) == [Interval(None, None)]


def test_an_interval_holds_the_values_it_was_made_of() -> None:
    values = sorted(random.Random(7).choices(range(MS, 900 * MS), k=400))
    for q, known in zip(PERCENTILES, of_percentiles(histogram(values), PERCENTILES), strict=True):
        low, high = ranks_around(400, q)
        assert known.lower is not None
        assert known.lower <= values[low - 1]
        if high <= 400:
            assert known.upper is not None
            assert known.upper >= values[high - 1]


def test_what_did_not_change_is_seldom_called_moved_and_what_is_five_times_as_long_always() -> None:
    chance = random.Random(11)

    def drawn(scale: float) -> Interval:
        return of_percentiles(histogram([round(scale * chance.lognormvariate(18, 1)) for _ in range(80)]), (0.5,))[0]

    same = [verdict(drawn(1), drawn(1)) for _ in range(300)]
    assert sum(found in (Verdict.MORE, Verdict.LESS) for found in same) <= 6  # 1.7 were expected
    slower = [verdict(drawn(1), drawn(5)) for _ in range(50)]
    assert slower.count(Verdict.MORE) == 50
    assert verdict(drawn(5), drawn(1)) == Verdict.LESS


def test_what_has_no_bound_is_too_few_to_tell_unless_it_lies_beyond() -> None:
    open_above = Interval(50, None)
    assert verdict(Interval(10, 20), open_above) == Verdict.MORE
    assert verdict(Interval(10, 60), open_above) == Verdict.TOO_FEW
    assert verdict(open_above, Interval(10, 20)) == Verdict.LESS
    assert verdict(Interval(10, 20), Interval(20, 30)) == Verdict.NOISE  # neighbours of one bound


@pytest.mark.parametrize(("part", "whole"), [(0, 1), (0, 50), (1, 1), (3, 40), (500, 1_000)])
def test_a_share_is_known_as_wilson_says(part: int, whole: int) -> None:
    promised = stats.binomtest(part, whole).proportion_ci(0.95, method="wilson")
    found = of_share(part, whole)
    assert found.lower == pytest.approx(promised.low, abs=1e-6)
    assert found.upper == pytest.approx(promised.high, abs=1e-6)
    assert of_share(0, 0) == Interval(None, None)
