"""Percentiles of a stage as they are written: no finer than measured, and none that reads lower than the one before."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.runs.precision import NAMES, shown
from dashboard.templatetags.formats import duration, reads_as
from dashboard.templatetags.runs import at
from sandboxes.runs.outcome import Duration, Spread, spread

MS, SECOND = 10**6, 10**9
LENGTHS = st.one_of(st.integers(0, 3 * SECOND), st.integers(0, 10**13))
PRECISIONS = st.one_of(st.sampled_from([1, 10**3, MS, 10 * MS, SECOND]), st.integers(1, 3 * SECOND))


def written(*durations: tuple[int, int]) -> list[str]:
    """p50, p95, p99 and max of so many lengths and precisions, in ms."""
    found = spread(Duration(ms * MS, precision_ms * MS or 1) for ms, precision_ms in durations)
    return [at(found, name) for name in NAMES]


def test_two_lengths_below_what_their_clocks_tell_do_not_contradict_each_other() -> None:
    assert written((100, 155), (120, 149)) == ["< 200 ms", "< 200 ms", "< 200 ms", "< 200 ms"]
    assert written((100, 210), (120, 149))[:2] == ["< 500 ms", "< 500 ms"]


def test_what_contradicts_nothing_keeps_its_own_precision() -> None:
    assert written((15, 0), (900, 1_000)) == ["15 ms", "< 1 s", "< 1 s", "< 1 s"]


def test_a_coarser_length_that_would_round_below_a_finer_one_takes_it_along() -> None:
    assert duration(2_300 * MS, 10 * MS) == "2.30 s"
    assert duration(2_350 * MS, 1_600 * MS) == "2 s"
    assert written((2_300, 10), (2_350, 1_600))[:2] == ["2 s", "2 s"]


@given(st.lists(st.tuples(LENGTHS, PRECISIONS), min_size=4, max_size=4))
def test_none_reads_lower_than_the_one_before_or_finer_than_it_was_measured(rows: list[tuple[int, int]]) -> None:
    rows.sort()
    lengths, precisions = zip(*rows, strict=True)
    figures = shown(Spread(4, *lengths, *precisions)).values()
    assert all(reads_as(*before) <= reads_as(*after) for before, after in pairwise(figures))
    for (ns, precision_ns), (shown_ns, shown_precision_ns) in zip(rows, figures, strict=True):
        assert ns == shown_ns
        assert shown_precision_ns >= precision_ns


@pytest.mark.parametrize(
    ("ns", "precision_ns", "said"),
    [
        (1_349_999_999, 1, (1_350 * MS, True)),
        (5, 10 * MS, (10 * MS, False)),
        (1_700 * MS, 1_750 * MS, (2 * SECOND, False)),
        (75 * SECOND, 1, (75 * SECOND, True)),
        (3_725 * SECOND, 1, (3_720 * SECOND, True)),
    ],
)
def test_what_a_length_reads_as(ns: int, precision_ns: int, said: tuple[int, bool]) -> None:
    assert reads_as(ns, precision_ns) == said
