"""The time zone of printed log lines, which name none: as a person says it, or this machine's own.

Used by whatever reads console text (`manage.py import`); `console.offset` mostly finds it out from the text itself.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII)
LOCALTIME = Path("/etc/localtime")


def named_zone(text: str) -> tzinfo:
    """`Europe/Berlin`, `UTC`, `+02:00`. Raises ValueError with a sentence."""
    if text in ("Z", "UTC", "GMT"):
        return UTC
    try:
        match = OFFSET.fullmatch(text)
        if match:
            offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
            return timezone(-offset if match[1] == "-" else offset)
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{text!r} is no time zone: use a name like Europe/Berlin or an offset like +02:00") from error


def local_zone(tz: str = "", localtime: Path = LOCALTIME) -> tzinfo:
    """This machine's zone with its summer times: what TZ names, else what /etc/localtime holds, else UTC."""
    tz = tz.removeprefix(":")
    try:
        if tz and not tz.startswith("/"):
            return named_zone(tz)
        with Path(tz or localtime).open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC
