"""The zone of printed log lines: as a person says it, or this machine's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH

import pytest

from collector.zone import local_zone, named_zone

SUMMER, WINTER = datetime(2026, 7, 1), datetime(2026, 1, 1)  # noqa: DTZ001 - a printed time has no zone


@pytest.mark.parametrize(
    ("text", "summer", "winter"),
    [
        ("Europe/Berlin", 120, 60),
        ("Asia/Kolkata", 330, 330),
        ("UTC", 0, 0),
        ("Z", 0, 0),
        ("+02:00", 120, 120),
        ("-0330", -210, -210),
        ("+5", 300, 300),
        ("UTC+1", 60, 60),
    ],
)
def test_names_and_offsets_are_understood(text: str, summer: int, winter: int) -> None:
    zone = named_zone(text)
    assert zone.utcoffset(SUMMER) == timedelta(minutes=summer)
    assert zone.utcoffset(WINTER) == timedelta(minutes=winter)


@pytest.mark.parametrize("text", ["", "Mars", "../../etc/passwd", "/etc/passwd", "Europe", "+24:00", "+1:99", "\x00"])
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is no time zone: use a name"):
        named_zone(text)


def zone_file(name: str) -> Path:
    return next(path for root in TZPATH if (path := Path(root) / name).exists())


@pytest.mark.parametrize("tz", ["Europe/Berlin", ":Europe/Berlin"])
def test_tz_names_this_machines_zone(tz: str) -> None:
    assert local_zone(tz, Path("/missing")).utcoffset(SUMMER) == timedelta(hours=2)


def test_tz_may_be_a_file_and_without_it_the_machines_own_counts() -> None:
    berlin = zone_file("Europe/Berlin")
    assert local_zone(f":{berlin}", Path("/missing")).utcoffset(SUMMER) == timedelta(hours=2)
    assert local_zone("", berlin).utcoffset(WINTER) == timedelta(hours=1)


@pytest.mark.parametrize("tz", ["", "nonsense", "/missing/too"])
def test_a_machine_that_knows_no_zone_keeps_utc(tz: str) -> None:
    assert local_zone(tz, Path("/missing")) is UTC
