"""How many Sandboxes of a pool were ready when, and when it was drained."""

from __future__ import annotations

from sandboxes.pools.levels import drains, levels, with_claims
from sandboxes.pools.shapes import ClaimRow, Drain, Key, Level, Version
from sandboxes.records import SECOND, ChangeType

POOL = Key(1, "default", "pool")
END_S = 100


def version(at_s: int, ready: int, desired: int = 3, change: ChangeType = ChangeType.MODIFIED) -> Version:
    return Version(at_s * SECOND, change, desired, ready)


def levels_of(*versions: Version, start_s: int = 0) -> list[Level]:
    return levels(versions, start_s * SECOND, END_S * SECOND)


def drains_of(*versions: Version, start_s: int = 0, still: bool = True) -> list[Drain]:
    return drains(POOL, levels_of(*versions, start_s=start_s), END_S * SECOND, still=still)


def seconds(*found: Level | Drain) -> list[tuple[float, float]]:
    return [(each.start_ns / SECOND, each.end_ns / SECOND) for each in found]


def claim(name: str, zero_s: float, ready_s: float | None = None) -> ClaimRow:
    ready_ns = None if ready_s is None else int(ready_s * SECOND)
    zero_ns = int(zero_s * SECOND)
    return ClaimRow(name, name, 1, "default", "pool", "", "cold", "ready", "", zero_ns, ready_ns, None, None)


def test_a_level_lasts_until_the_next_version_and_the_last_one_until_the_end() -> None:
    found = levels_of(version(10, 3), version(20, 1))
    assert seconds(*found) == [(10, 20), (20, 100)]
    assert [level.ready for level in found] == [3, 1]


def test_versions_that_change_nothing_about_it_make_no_level_of_their_own() -> None:
    assert seconds(*levels_of(version(10, 3), version(20, 3), version(30, 3))) == [(10, 100)]


def test_what_was_there_before_the_range_counts_from_its_beginning() -> None:
    assert seconds(*levels_of(version(10, 3), version(60, 2), start_s=50)) == [(50, 60), (60, 100)]


def test_a_pool_that_is_gone_has_no_level() -> None:
    found = levels_of(version(10, 3), version(20, 3, change=ChangeType.DELETED), version(40, 1, 1, ChangeType.ADDED))
    assert seconds(*found) == [(10, 20), (40, 100)]


def test_a_pool_that_falls_to_none_is_drained_until_one_is_ready() -> None:
    assert seconds(*drains_of(version(10, 3), version(20, 0), version(30, 1))) == [(20, 30)]


def test_a_new_pool_fills_and_is_not_drained() -> None:
    assert drains_of(version(10, 0, change=ChangeType.ADDED), version(11, 0), version(20, 2)) == []


def test_a_pool_that_was_to_keep_none_fills_as_well() -> None:
    assert drains_of(version(10, 0, 0), version(20, 0, 3), version(30, 3, 3)) == []


def test_a_pool_that_keeps_none_is_never_drained() -> None:
    assert drains_of(version(10, 0, 0)) == []


def test_another_number_desired_makes_no_second_drain() -> None:
    assert seconds(*drains_of(version(10, 3), version(20, 0), version(25, 0, 5), version(30, 1, 5))) == [(20, 30)]


def test_a_drain_that_goes_on_is_open_only_while_somebody_watches() -> None:
    assert drains_of(version(10, 3), version(20, 0))[0].is_open
    assert not drains_of(version(10, 3), version(20, 0), still=False)[0].is_open


def test_a_pool_found_drained_was_so_before() -> None:
    (found,) = drains_of(version(10, 0, change=ChangeType.LISTED), version(20, 1))
    assert found.began_before


def test_a_claim_that_came_a_little_before_the_status_fell_belongs_to_the_drain() -> None:
    found = drains_of(version(10, 3), version(20, 0), version(30, 1))
    claims = [claim("early", 19.5, 19.8), claim("within", 25, 31)]
    (drain,) = with_claims(POOL, found, claims, 0, END_S * SECOND)
    assert [each.name for each in drain.waiting] == ["early", "within"]
    assert not drain.from_claims


def test_claims_tell_of_a_drain_the_status_never_showed() -> None:
    claims = [claim("one", 50, 54), claim("two", 52, 57), claim("later", 80, 82)]
    found = with_claims(POOL, [], claims, 0, END_S * SECOND)
    assert seconds(*found) == [(50, 57), (80, 82)]
    assert [len(drain.waiting) for drain in found] == [2, 1]
    assert all(drain.from_claims for drain in found)


def test_a_claim_that_waits_still_waits_until_the_end() -> None:
    (found,) = with_claims(POOL, [], [claim("waits", 90)], 0, END_S * SECOND)
    assert seconds(found) == [(90, 100)]
