"""A watch that began late, or was away for a while: what it missed is not dated better than it can be."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes import lifecycle
from sandboxes.records import MS, SECOND, Change, Kind, Lifecycle, Milestone
from tests.sandboxes.lifecycle.told import CLAIMS, around, lifecycle_of, one_look

WATCHED = [claim for claim in CLAIMS if claim[0] != "api-outage"]  # these watches missed nothing themselves
FRACTIONS = st.floats(0, 1, allow_nan=False)


def _with_gap(changes: list[Change], from_ns: int, to_ns: int) -> list[Change]:
    """What a watch has that was away between the two times and then listed anew."""
    before = [change for change in changes if change.received_ns <= from_ns]
    after = [change for change in changes if change.received_ns > to_ns]
    return [*before, *one_look(changes, to_ns), *after]


def _times(changes: list[Change]) -> tuple[int, int]:
    claim = [change.received_ns for change in changes if change.kind is Kind.CLAIM]
    return min(claim), max(claim)


def _agrees(found: Lifecycle, whole: Lifecycle) -> None:
    for milestone, moment in found.moments.items():
        true = whole.moments[milestone]
        assert moment.lower_ns <= moment.time_ns <= moment.upper_ns
        assert moment.lower_ns <= true.upper_ns + SECOND, milestone
        assert true.lower_ns <= moment.upper_ns + SECOND, milestone
        if moment.precision_ns < 300 * MS:
            assert abs(moment.time_ns - true.time_ns) < 300 * MS, milestone


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WATCHED), FRACTIONS, FRACTIONS)
def test_a_gap_anywhere_widens_what_is_known_and_never_misdates_it(
    claim: tuple[str, str], one: float, other: float
) -> None:
    changes, whole = around(*claim), lifecycle_of(*claim)
    begin_ns, end_ns = _times(changes)
    from_ns, to_ns = (begin_ns + int((end_ns - begin_ns) * part) for part in sorted((one, other)))
    found = lifecycle.read(_with_gap(changes, from_ns, to_ns))
    assert found is not None
    assert found.start_type == whole.start_type
    _agrees(found, whole)
    own = [stage for stage in found.stages if not stage.pre_warmed]
    assert all(stage.end == following.start for stage, following in pairwise(own))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WATCHED), FRACTIONS)
def test_a_watch_that_began_late_never_dates_what_it_did_not_see_by_its_beginning(
    claim: tuple[str, str], part: float
) -> None:
    changes, whole = around(*claim), lifecycle_of(*claim)
    begin_ns, end_ns = _times(changes)
    at_ns = begin_ns + int((end_ns - begin_ns) * part)
    found = lifecycle.read(_with_gap(changes, 0, at_ns))
    if found is not None:  # None: the claim was gone by then
        _agrees(found, whole)
        assert (Milestone.DELETED in found.moments) == (Milestone.DELETED in whole.moments)
