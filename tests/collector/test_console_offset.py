"""Which clock log lines were printed by is found out from the spans they stand beside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.console.offset import CANDIDATE_MINUTES, best_offset_minutes
from tests.factories import MS, SECOND, T0_NS

MINUTE = 60 * SECOND
SPANS = [(T0_NS, T0_NS + 3 * SECOND), (T0_NS + 5 * SECOND, T0_NS + 6 * SECOND), (T0_NS + SECOND, T0_NS + 2 * SECOND)]


@given(st.sampled_from(CANDIDATE_MINUTES), st.lists(st.integers(-2_000, 8_000), min_size=1, max_size=30))
def test_lines_within_seconds_of_the_spans_give_their_offset(minutes: int, at_ms: list[int]) -> None:
    lines = [T0_NS + ms * MS + minutes * MINUTE for ms in at_ms]
    assert best_offset_minutes(lines, SPANS) == minutes


def test_one_stray_line_does_not_change_the_clock() -> None:
    lines = [T0_NS + 60 * MINUTE + n * MS for n in range(20)]
    assert best_offset_minutes([*lines, T0_NS - 10 * MINUTE], SPANS) == 60


def test_inside_a_long_span_the_lines_lie_by_its_ends() -> None:
    """A span of three hours holds the lines under many offsets; a program tells most when it begins and ends."""
    spans = [(T0_NS, T0_NS + 180 * MINUTE)]
    lines = [T0_NS + 60 * MINUTE + SECOND, T0_NS + 240 * MINUTE - SECOND]
    assert best_offset_minutes(lines, spans) == 60


@pytest.mark.parametrize(("lines", "spans"), [([], SPANS), ([T0_NS], []), ([T0_NS + 40 * 24 * 60 * MINUTE], SPANS)])
def test_without_anything_near_nothing_is_claimed(lines: list[int], spans: list[tuple[int, int]]) -> None:
    assert best_offset_minutes(lines, spans) is None


def test_of_equally_good_offsets_the_smallest_wins() -> None:
    spans = [(T0_NS, T0_NS), (T0_NS + 120 * MINUTE, T0_NS + 120 * MINUTE)]
    assert best_offset_minutes([T0_NS + 60 * MINUTE], spans) in (-60, 60)
    assert best_offset_minutes([T0_NS], spans) == 0
