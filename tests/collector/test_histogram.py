"""Counts in logarithmic buckets: what is packed comes back, sums add up, percentiles are as exact as promised."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.histogram import (
    POSITIONS,
    RELATIVE_ERROR,
    Histogram,
    number_of,
    number_of_counts,
    pack,
    position,
    sum_of,
    unpack,
    upper_ns,
)

COUNTS = st.dictionaries(st.integers(0, POSITIONS - 1), st.integers(1, 2**40), max_size=20)
NARROW = st.dictionaries(st.integers(300, 340), st.sampled_from([1, 254, 255, 256, 65_535]), max_size=20)
DURATIONS = st.lists(st.integers(-5, 2**63 - 1) | st.integers(-5, 2_000), min_size=1, max_size=60)
ASKED = (0.01, 0.5, 0.9, 0.95, 0.99, 1.0)


def histogram_of(durations_ns: list[int]) -> Histogram:
    counts = Counter(map(position, durations_ns))
    return Histogram(len(durations_ns), max(0, *durations_ns, 0), number_of(pack(counts)))


def exact(durations_ns: list[int], q: float) -> int:
    """The value of that rank; what ended before it began took no time."""
    ordered = sorted(max(0, duration) for duration in durations_ns)
    return ordered[max(1, math.ceil(q * len(ordered) - 1e-9)) - 1]


def assert_close(durations_ns: list[int]) -> None:
    for q, found in zip(ASKED, histogram_of(durations_ns).percentiles(ASKED), strict=True):
        wanted = exact(durations_ns, q)
        assert found is not None
        assert abs(found - wanted) <= RELATIVE_ERROR * wanted * 1.000001 + 0.5, (q, found, wanted)


def test_the_error_is_what_was_asked_for() -> None:
    assert RELATIVE_ERROR <= 0.025


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "spread",
    [
        lambda choose: choose.lognormvariate(17, 1.5),
        lambda choose: choose.gauss(2e6, 1e5) if choose.random() < 0.7 else choose.gauss(9e9, 4e8),
        lambda choose: choose.uniform(1, 100),
        lambda choose: choose.paretovariate(0.4) * 1_000,
    ],
    ids=["lognormal", "bimodal", "tiny durations", "long tail"],
)
def test_percentiles_are_close_to_exact_ones(spread: object, seed: int) -> None:
    choose = random.Random(seed)
    assert callable(spread)
    assert_close([min(int(abs(spread(choose))), 2**62) for _ in range(5_000)])


@given(DURATIONS)
def test_percentiles_of_few_values_are_close_to_exact_ones(durations_ns: list[int]) -> None:
    assert_close(durations_ns)


def test_one_value_is_told_as_it_was_or_within_its_bucket() -> None:
    assert histogram_of([0]).percentiles(ASKED) == [0] * len(ASKED)
    assert histogram_of([-7]).percentiles((0.5,)) == [0]
    assert histogram_of([1]).percentiles((0.5,)) == [1]


def test_of_nothing_there_are_no_percentiles() -> None:
    assert Histogram().percentiles((0.5, 0.99)) == [None, None]
    assert Histogram().counts() == (0, ())


@given(COUNTS)
def test_what_is_packed_comes_back(counts: dict[int, int]) -> None:
    assert unpack(pack(counts)) == counts
    assert number_of(pack(counts)) == number_of_counts(counts)


@given(st.lists(NARROW.filter(bool) | COUNTS.filter(bool), max_size=30), st.sampled_from([1, 20]))
def test_many_packed_rows_are_added_at_once(rows: list[dict[int, int]], times: int) -> None:
    packed = [pack(counts) for counts in rows] * times  # more than 256 of one width are too many for one sum
    assert sum_of(packed) == sum(map(number_of, packed))


@given(COUNTS, COUNTS)
def test_adding_numbers_adds_counts_and_taking_back_leaves_the_rest(one: dict[int, int], two: dict[int, int]) -> None:
    both = Counter(one) + Counter(two)
    assert number_of(pack(one)) + number_of(pack(two)) == number_of_counts(both)
    assert number_of_counts(both) + number_of_counts({at: -count for at, count in two.items()}) == number_of_counts(one)
    first, row = Histogram(1, 1, number_of_counts(both)).counts()
    assert {first + index: count for index, count in enumerate(row) if count} == dict(both)


@given(st.integers(1, 2**63 - 1))
def test_a_duration_lies_in_its_bucket(duration_ns: int) -> None:
    at = position(duration_ns)
    assert 0 < at < POSITIONS
    assert upper_ns(at - 1) * (1 - 1e-12) <= duration_ns <= upper_ns(at) * (1 + 1e-12)
