"""Percentiles of histogram points, against numbers worked out by hand and against the samples themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.percentiles import percentile
from collector.records import MetricKind


@dataclass
class Point:
    detail: Any
    count: int | None = None
    min: float | None = None
    max: float | None = None


def explicit(bounds: list[float], counts: list[int], **extremes: float) -> Point:
    return Point({"bounds": bounds, "counts": counts}, sum(counts), **extremes)


def exponential(scale: int, offset: int, counts: list[int], **more: Any) -> Point:
    detail = {"scale": scale, "zero_count": 0, "positive": {"offset": offset, "counts": counts}, **more}
    return Point(detail, sum(counts))


def test_it_interpolates_linearly_inside_explicit_bounds() -> None:
    point = explicit([10.0, 20.0, 30.0], [0, 4, 4, 0])
    assert percentile(MetricKind.HISTOGRAM, point, 0.25) == (15.0, False)
    assert percentile(MetricKind.HISTOGRAM, point, 0.5) == (20.0, False)
    assert percentile(MetricKind.HISTOGRAM, point, 0.75) == (25.0, False)


def test_the_open_last_bucket_gives_its_lower_bound_and_says_so() -> None:
    assert percentile(MetricKind.HISTOGRAM, explicit([10.0], [1, 9]), 0.95) == (10.0, True)


def test_the_first_bucket_begins_at_the_minimum_else_at_zero() -> None:
    assert percentile(MetricKind.HISTOGRAM, explicit([10.0], [4, 0], min=6.0), 0.5) == (8.0, False)
    assert percentile(MetricKind.HISTOGRAM, explicit([10.0], [4, 0]), 0.5) == (5.0, False)
    assert percentile(MetricKind.HISTOGRAM, explicit([-10.0], [4, 0]), 0.5) == (-10.0, False)


def test_it_stays_between_minimum_and_maximum() -> None:
    point = explicit([0.0, 100.0], [0, 2, 0], min=40.0, max=42.0)
    assert percentile(MetricKind.HISTOGRAM, point, 0.99) == (42.0, False)
    assert percentile(MetricKind.HISTOGRAM, point, 0.01) == (40.0, False)


def test_it_interpolates_logarithmically_inside_exponential_buckets() -> None:
    # Scale 0, index 3: (8, 16]; half way in logarithm is 8 * sqrt(2).
    value = percentile(MetricKind.EXPONENTIAL_HISTOGRAM, exponential(0, 3, [10]), 0.5)
    assert value is not None
    assert value[0] == pytest.approx(8 * math.sqrt(2))


def test_it_finds_the_bucket_of_three_at_scale_twenty() -> None:
    value = percentile(MetricKind.EXPONENTIAL_HISTOGRAM, exponential(20, 1661953, [1]), 0.5)
    assert value is not None
    assert value[0] == pytest.approx(3.0, rel=1e-6)


def test_it_walks_from_negative_through_zero_to_positive() -> None:
    negative = {"offset": 0, "counts": [1, 1]}  # (-2, -1] and (-4, -2]
    point = exponential(0, 0, [1, 1], zero_count=1, zero_threshold=0.0, negative=negative)
    values = [percentile(MetricKind.EXPONENTIAL_HISTOGRAM, point, q / 5) for q in range(1, 6)]
    assert [value[0] for value in values if value] == pytest.approx([-2.0, -1.0, 0.0, 2.0, 4.0])


def test_a_summary_gives_the_quantiles_it_has_and_no_others() -> None:
    point = Point({"quantiles": [[0.5, 7.0], [0.99, "NaN"]]})
    assert percentile(MetricKind.SUMMARY, point, 0.5) == (7.0, False)
    assert percentile(MetricKind.SUMMARY, point, 0.95) is None
    assert percentile(MetricKind.SUMMARY, point, 0.99) is None


@pytest.mark.parametrize("detail", [None, {}, {"bounds": [], "counts": []}, {"bounds": [1.0], "counts": [0, 0]}])
def test_a_point_without_counts_has_no_percentile(detail: Any) -> None:
    assert percentile(MetricKind.HISTOGRAM, Point(detail), 0.5) is None
    assert percentile(MetricKind.GAUGE, Point(detail), 0.5) is None


@pytest.mark.parametrize("scale", [-(2**31), -20, 2**31 - 1])
@pytest.mark.parametrize("offset", [-(2**31), 0, 2**31 - 1])
def test_a_made_up_scale_does_no_harm(scale: int, offset: int) -> None:
    value = percentile(MetricKind.EXPONENTIAL_HISTOGRAM, exponential(scale, offset, [1, 1]), 0.5)
    assert value is None or math.isfinite(value[0])


def test_bounds_that_are_no_numbers_give_no_percentile() -> None:
    assert percentile(MetricKind.HISTOGRAM, Point({"bounds": ["NaN"], "counts": [1, 1]}), 0.9) is None


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=60), st.sampled_from([0.5, 0.95, 0.99]))
def test_an_exponential_percentile_lies_in_the_bucket_of_the_sample(samples: list[float], q: float) -> None:
    scale = 4
    base = 2 ** (2**-scale)
    indexes = [math.ceil(math.log2(sample) * 2**scale) - 1 for sample in samples]
    counts = [0] * (max(indexes) - min(indexes) + 1)
    for index in indexes:
        counts[index - min(indexes)] += 1
    point = exponential(scale, min(indexes), counts)
    value = percentile(MetricKind.EXPONENTIAL_HISTOGRAM, point, q)
    assert value is not None
    nearest = sorted(samples)[max(0, math.ceil(q * len(samples)) - 1)]
    assert nearest / base * (1 - 1e-9) <= value[0] <= nearest * base * (1 + 1e-9)
