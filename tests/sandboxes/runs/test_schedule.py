"""When sandboxes start: by the clock, or as places become free."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.plans import Plan
from sandboxes.runs.schedule import places, start_offsets_s


def test_without_a_rate_all_may_start_at_once_and_places_hold_them_back() -> None:
    plan = Plan("pool", count=50, concurrency=10)
    assert set(start_offsets_s(plan)) == {0}
    assert places(plan) == 10


def test_a_ramp_lets_the_first_ones_in_one_by_one() -> None:
    assert list(start_offsets_s(Plan("pool", count=6, concurrency=4, ramp_s=8))) == [0, 2, 4, 6, 8, 8]


def test_a_rate_starts_by_the_clock_whoever_is_ready() -> None:
    plan = Plan("pool", count=5, concurrency=1, rate_per_s=2)
    assert list(start_offsets_s(plan)) == [0, 0.5, 1, 1.5, 2]
    assert places(plan) == 5


def test_a_rate_grows_over_its_ramp() -> None:
    offsets = list(start_offsets_s(Plan("pool", count=40, rate_per_s=4, ramp_s=10)))
    assert sum(offset < 10 for offset in offsets) == 20  # half of what the full rate starts in ten seconds
    assert offsets[21] - offsets[20] == pytest.approx(0.25)


@given(
    st.integers(1, 200),
    st.integers(1, 50),
    st.one_of(st.none(), st.floats(0.1, 100)),
    st.floats(0, 60),
)
def test_nobody_starts_before_the_one_before(count: int, concurrency: int, rate: float | None, ramp: float) -> None:
    plan = Plan("pool", count=count, concurrency=concurrency, rate_per_s=rate, ramp_s=ramp)
    offsets = list(start_offsets_s(plan))
    assert len(offsets) == count
    assert all(before <= after for before, after in pairwise(offsets))
