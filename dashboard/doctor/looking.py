"""All checks, beside each other, within a time limit; what was found is remembered for some seconds.

Before: the page Setup, after its first byte, or `manage.py doctor`. After: the list, in the order people set things up.

What asks the database runs in the thread the database belongs to; programs run in threads of their own, questions to
the cluster in the event loop. So all of it takes as long as the slowest: a few ms, or the time-out of a cluster that
is away (3 s).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError

from dashboard.doctor import client, clocks, cluster, own
from dashboard.doctor.serving import serving
from dashboard.doctor.shapes import Check, Status
from dashboard.doctor.stored import Stored, read_stored
from sandboxes.watch import standing, watcher
from sandboxes.watch.state import State

log = logging.getLogger(__name__)

REMEMBERED_S = 5.0
TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, and when."""

    checks: tuple[Check, ...]
    at_ns: int
    took_ns: int

    @property
    def counts(self) -> Counter[str]:
        return Counter(check.status.value for check in self.checks)

    @property
    def tally(self) -> list[tuple[str, int]]:
        """How many have which status, in words: [("ok", 4), ("warnings", 2)]."""
        found = [(status, self.counts[status.value]) for status in Status]
        return [(_named(status, number), number) for status, number in found if number]

    @property
    def failed(self) -> bool:
        return any(check.status is Status.FAILED for check in self.checks)


def _named(status: Status, number: int) -> str:
    return f"{status.value}s" if status is Status.WARNING and number > 1 else status.value


async def examine(python: str = "") -> Examination:
    """Looks at everything. `python`: the one the SDK is looked for in."""
    began_ns, began = time.time_ns(), time.monotonic_ns()
    programs = asyncio.gather(asyncio.to_thread(client.kubectl), asyncio.to_thread(client.sdk, python))
    stored, watching = await sync_to_async(_read)()
    kubectl_and_sdk, found, serves, disk = await asyncio.gather(
        programs,
        _of_cluster(lambda: cluster.look(stored)),
        asyncio.to_thread(serving, watching),
        asyncio.to_thread(own.disk),
    )
    checks = (
        *found,
        *kubectl_and_sdk,
        own.arriving(serves, stored),
        own.joined(stored),
        clocks.of_clients(stored),
        own.addresses(serves),
        own.watch(serves),
        own.redaction(stored),
        own.database(stored),
        disk,
    )
    return Examination(checks, began_ns, time.monotonic_ns() - began)


def _read() -> tuple[Stored, State]:
    """What asks the database. While it is away, this process's own watch is all that is known."""
    try:
        return read_stored(), standing(watcher.state)
    except DatabaseError:
        return read_stored(), watcher.state


async def _of_cluster(look: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await look()
    except TimeoutError:
        return [cluster.CLUSTER.failed(f"not all was answered in {TIMEOUT_S:g} s", "Look again.")]
    except Exception as error:  # a kubeconfig of a shape nobody thought of must not cost the other checks
        log.exception("looking at the cluster failed")
        return [cluster.CLUSTER.failed(f"looking at it failed: {type(error).__name__}", "See the dashboard's log.")]


_lock = threading.Lock()
_last: Examination | None = None


def remembered() -> Examination | None:
    """The last examination, however old."""
    return _last


def examination(at_most_s: float = REMEMBERED_S) -> Examination:
    """The last one when it is not too old, else a new one. Those who ask meanwhile wait for it."""
    global _last
    with _lock:
        if _last is None or time.time_ns() - _last.at_ns > at_most_s * 10**9:
            _last = async_to_sync(examine)()
        return _last
