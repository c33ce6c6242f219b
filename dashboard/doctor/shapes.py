"""A check: what was looked at, what was found, how to put it right. Plain Python."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Check:
    """One of the list. `commands` are to be copied as they are; a fix without one is a sentence alone."""

    key: str
    name: str
    looked_at: str
    status: Status
    found: str
    fix: str = ""
    commands: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"status": self.status.value, "commands": list(self.commands)}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check is about, before anything is found. Its methods are the four ways it can end."""

    key: str
    name: str
    looked_at: str

    def ok(self, found: str) -> Check:
        return Check(self.key, self.name, self.looked_at, Status.OK, found)

    def warning(self, found: str, fix: str, *commands: str) -> Check:
        return Check(self.key, self.name, self.looked_at, Status.WARNING, found, fix, commands)

    def failed(self, found: str, fix: str, *commands: str) -> Check:
        return Check(self.key, self.name, self.looked_at, Status.FAILED, found, fix, commands)

    def not_applicable(self, found: str, fix: str = "", *commands: str) -> Check:
        return Check(self.key, self.name, self.looked_at, Status.NOT_APPLICABLE, found, fix, commands)


def listed(names: list[str], most: int = 3) -> str:
    """a, b, c and 4 more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, noun: str, plural: str = "") -> str:
    """1 pool, 2 pools."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
