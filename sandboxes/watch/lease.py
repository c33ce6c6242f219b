"""One process at a time: a row in the database says which, and another one takes over when that one is gone.

Before: several processes could do the same work. After: one holds the lease, renews it, and has left it or lost it.

Whether the holder is there shows in its beat: a number that it moves. The others compare it with what they saw, by
their own clocks, so no two machines have to agree about the time. A holder that was killed on this machine is known to
be gone at once. For a while there may be two, one of them not knowing yet: what is done under a lease has to bear that.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from django.db import DatabaseError, connection
from django.db.models import F

from collector.ingest import ingest
from collector.writer import Committed, Unavailable
from sandboxes.models import Lease as Row

Say = Callable[[], str]
Heard = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Beat:
    """How often to renew it, how often the others look, and after how long without a beat its holder counts as gone.

    Each renewal is a commit, and one of another process makes pages of SQLite look again: not more often than needed.
    """

    renew_s: float = 4
    look_s: float = 1
    lost_s: float = 15


class Holder(NamedTuple):
    """A process, told from all others: of this machine by its number, of any by a word of its own."""

    machine: str
    process: int
    word: str

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.machine.partition(' ')[0]} (process {self.process})"

    @property
    def is_gone(self) -> bool:
        """Whether it certainly is; of processes on other machines nobody knows."""
        if self.machine != this_machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


class Seen(NamedTuple):
    """The row at one look."""

    holder: Holder | None
    beat: int
    detail: str


@cache
def this_machine() -> str:
    """Its name, and on Linux what tells containers of one name apart: a process number means something within one."""
    told = []
    with suppress(OSError):
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        told.append(os.readlink("/proc/self/ns/pid"))
    return " ".join([socket.gethostname() or "this machine", *told])


class Lease:
    """A lease by its name; this process asks for it, keeps it, leaves it."""

    def __init__(self, name: str, beat: Beat = Beat()) -> None:
        self.name = name
        self._beat = beat
        self._me = Holder(this_machine(), os.getpid(), secrets.token_hex(8))

    async def take(self, hear: Heard) -> None:
        """Returns once it is ours; until then `hear` is told what its holder says of itself."""
        last: Seen | None = None
        since = time.monotonic()
        while True:
            with suppress(DatabaseError, Unavailable):
                seen = await asyncio.to_thread(_closing, partial(look, self.name))
                if seen is None or last is None or seen != last:
                    last, since = seen, time.monotonic()
                silent_s = time.monotonic() - since
                free = seen is None or seen.holder is None or seen.holder.is_gone
                if free or silent_s >= self._beat.lost_s:
                    if await ingest.run(partial(_take, self.name, self._me, seen)):
                        return
                elif seen and seen.holder:
                    hear(f"{seen.holder.words} {seen.detail}")
            await asyncio.sleep(self._beat.look_s)

    async def hold(self, say: Say) -> None:
        """Renews it, with what its holder says of itself. Returns when it is somebody else's."""
        while True:
            # While the database cannot be written nobody else can take it either.
            with suppress(Unavailable):
                if not await ingest.run(partial(_renew, self.name, self._me, say())):
                    return
            await asyncio.sleep(self._beat.renew_s)

    async def leave(self) -> None:
        """Gives it up, so that the next one need not wait."""
        with suppress(Unavailable):
            await ingest.run(partial(_leave, self.name, self._me))


def look(name: str) -> Seen | None:
    """The lease as it is now; None when nobody ever asked for it."""
    row = Row.objects.filter(name=name).first()
    return _seen(row) if row else None


def held(prefix: str, within_s: float) -> list[Seen]:
    """The leases whose names begin so and that were renewed lately, the newest first. By the holders' clocks."""
    since_ns = time.time_ns() - int(within_s * 1e9)
    rows = Row.objects.filter(name__startswith=prefix, renewed_ns__gte=since_ns).exclude(word="")
    return [_seen(row) for row in rows.order_by("-renewed_ns")]


def _seen(row: Row) -> Seen:
    return Seen(Holder(row.machine, row.process, row.word) if row.word else None, row.beat, row.detail)


def _take(name: str, me: Holder, seen: Seen | None, committed: Committed) -> bool:
    """In the writer's transaction. False when somebody was faster, or its holder moved after all."""
    Row.objects.bulk_create([Row(name=name)], ignore_conflicts=True)
    as_seen: dict[str, str | int] = {
        "word": seen.holder.word if seen and seen.holder else "",
        "beat": seen.beat if seen else 0,
    }
    return _move(name, as_seen, machine=me.machine, process=me.process, word=me.word)


def _renew(name: str, me: Holder, detail: str, committed: Committed) -> bool:
    return _move(name, {"word": me.word}, detail=detail)


def _leave(name: str, me: Holder, committed: Committed) -> bool:
    return _move(name, {"word": me.word}, word="", detail="")


def _move(name: str, as_seen: Mapping[str, str | int], **columns: str | int) -> bool:
    """Changes the row if it is as it was seen: of two who try at once the database lets one."""
    rows = Row.objects.filter(name=name, **as_seen)
    return bool(rows.update(beat=F("beat") + 1, renewed_ns=time.time_ns(), **columns))


def _closing(look: Callable[[], Seen | None]) -> Seen | None:
    try:
        return look()
    finally:
        connection.close()  # this thread's, which may not be used again
