"""How values are written on pages."""

from __future__ import annotations

import time

import pytest

from dashboard.templatetags import formats
from dashboard.templatetags.formats import MS, US, S

T_NS = 1_795_473_187_967_755_510


@pytest.mark.parametrize(
    ("ns", "written"),
    [
        (0, "0 ns"),
        (661, "661 ns"),
        (999, "999 ns"),
        (1_499, "1 µs"),
        (650 * US, "650 µs"),
        (999_600, "1.0 ms"),
        (5_100_000, "5.1 ms"),
        (9_960_000, "10 ms"),
        (15 * MS, "15 ms"),
        (999_600_000, "1.00 s"),
        (1_354 * MS, "1.35 s"),
        (9_996 * MS, "10.0 s"),
        (12_340 * MS, "12.3 s"),
        (59_960 * MS, "1 m"),
        (125 * S, "2 m 5 s"),
        (3_600 * S, "1 h"),
        (90_000 * S, "1 d 1 h"),
        (-5 * MS, "-5.0 ms"),
        (None, "–"),  # noqa: RUF001
    ],
)
def test_a_duration_has_about_three_figures_and_the_unit_that_fits(ns: int | None, written: str) -> None:
    assert formats.duration(ns) == written


@pytest.mark.parametrize(
    ("ns", "precision_ns", "written"),
    [
        (400 * US, MS, "< 1 ms"),
        (0, MS, "< 1 ms"),
        (5_100_000, MS, "5 ms"),
        (1_354 * MS, MS, "1.35 s"),
        (1_354 * MS, S, "1 s"),
        (12_340 * MS, 10 * MS, "12.3 s"),
        (2_144 * MS, 147 * MS, "2.2 s"),
        (2_144 * MS, 12 * MS, "2.14 s"),
        (2_144 * MS, 40 * MS, "2.15 s"),
        (2_144 * MS, 51 * MS, "2.1 s"),
        (14 * MS, 7_100 * US, "10 ms"),
        (7 * MS, 7_100 * US, "< 10 ms"),
        (2_200 * US, 2_100 * US, "< 5 ms"),
        (5_240 * US, 120 * US, "5.2 ms"),
        (90 * S, 147 * MS, "1 m 30 s"),
        (59 * S, 2 * S, "1 m"),
        (95 * S, 20 * S, "1 m 40 s"),
    ],
)
def test_a_duration_is_never_finer_than_its_clock(ns: int, precision_ns: int, written: str) -> None:
    assert formats.duration(ns, precision_ns) == written


def test_a_moment_keeps_its_nanoseconds_as_text() -> None:
    html = formats.moment(T_NS)
    assert f'data-ns="{T_NS}"' in html
    assert 'datetime="2026-11-23T22:33:07.967755510Z"' in html
    assert ">2026-11-23 22:33:07.967</time>" in html


def test_a_clock_leaves_the_date_to_the_title() -> None:
    html = formats.clock(T_NS)
    assert ">22:33:07.967</time>" in html
    assert 'title="2026-11-23 22:33:07.967755510 UTC"' in html


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0 s"), (59, "59 s"), (60, "1 m"), (7_300, "2 h"), (200_000, "2 d"), (-50, "0 s")]
)
def test_an_age_has_the_largest_whole_unit(seconds: int, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: T_NS)
    assert f">{written}</time>" in formats.age(T_NS - seconds * S)


def test_the_latest_time_there_can_be_is_written_too() -> None:
    assert "2262-04-11" in formats.moment(2**63 - 1)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (1_048_575, "1.0 MiB"),
        (5 * 2**30, "5.0 GiB"),
        (2**53, "8,192.0 TiB"),
    ],
)
def test_bytes_are_counted_in_powers_of_1024(number: int, written: str) -> None:
    assert formats.size(number) == written


def test_values_that_are_no_text_are_written_as_json() -> None:
    assert formats.value("as it is") == "as it is"
    assert formats.value(True) == "true"
    assert formats.value({"a": [1, 2]}) == '{"a":[1,2]}'
    assert formats.value({"a": "x" * 80}).splitlines()[0] == "{"


def test_what_is_unknown_is_a_dash() -> None:
    shapes = (formats.moment, formats.clock, formats.age, formats.count, formats.size, formats.short_id, formats.value)
    assert {str(shape(None)) for shape in shapes} == {"–"}  # noqa: RUF001


def test_counts_ids_distances_and_ranges_read_like_words() -> None:
    assert formats.count(1_042) == "1,042"
    assert formats.short_id("d13dfae6c14ddc82") == "d13dfae6"
    assert formats.since(T_NS + 15 * MS, T_NS) == "+15 ms"
    assert formats.since(T_NS - 2 * S, T_NS) == "-2.00 s"
    assert (formats.range_words("15m"), formats.range_words("24h")) == ("15 min", "24 h")
