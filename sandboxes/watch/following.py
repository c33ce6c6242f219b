"""One resource of one cluster, for as long as it is there: a list, then a watch from where the list ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from sandboxes.cluster import (
    ClusterError,
    Connection,
    Expired,
    Forbidden,
    NotServed,
    Resource,
    Unauthorized,
    Unreachable,
    core_events,
)
from sandboxes.cluster.resources import EVENTS
from sandboxes.objects import Malformed, Present, change, mapping
from sandboxes.records import Change, ChangeType, Kind
from sandboxes.watch.keeping import Reached
from sandboxes.watch.timing import Timing

CHANGES = {"ADDED": ChangeType.ADDED, "MODIFIED": ChangeType.MODIFIED, "DELETED": ChangeType.DELETED}

Put = Callable[[Iterable[Change], Reached | None], Awaitable[None]]
Tell = Callable[[Resource, ClusterError | None], Awaitable[None]]


class Following:
    """`put` takes the changes; `tell` hears what stands in the way, and None once nothing does."""

    def __init__(
        self,
        connection: Connection,
        resource: Resource,
        present: Present,
        put: Put,
        tell: Tell,
        timing: Timing,
        version: str = "",
    ) -> None:
        self._connection = connection
        self.resource = resource
        self._present = present
        self._put = put
        self._tell = tell
        self._timing = timing
        self._version = version  # where the next watch begins; empty: a list has to come first
        self._failures = 0
        self.looked = asyncio.Event()  # at what is there, or found that we cannot
        self.after: list[asyncio.Event] = []  # what to wait for before

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        for looked in self.after:
            await looked.wait()
        while True:
            began = time.monotonic()
            try:
                if not self._version:
                    await self._list()
                self.looked.set()
                await self._watch()
            except ClusterError as error:
                self.looked.set()
                await self._wait_after(error)
                continue
            # A watch ends in good order after some minutes. One that does so at once is not in order.
            if time.monotonic() - began >= self._timing.lasting_s:
                self._failures = 0
            await self._wait_after(None)

    async def _list(self) -> None:
        """Tells what is there, and what was there before and is not any more."""
        await self._put([], Reached(self.resource.key, ""))
        known_ns, version = self._present.last_ns, "0"
        listed: set[str] = set()
        async for items, of_list in self._connection.pages(self.resource):
            version = of_list or version
            received_ns = time.time_ns()
            changes = [found for item in items if (found := self._change(ChangeType.LISTED, received_ns, item))]
            listed.update(found.uid for found in changes)
            await self._take(changes, None)
        gone = self._present.missing(listed, time.time_ns(), known_ns)
        await self._put(gone, Reached(self.resource.key, version))
        self._present.last_ns = time.time_ns()
        self._version = version

    async def _watch(self) -> None:
        async for event in self._connection.events(self.resource, self._version):
            if not event:
                await self._tell(self.resource, None)
                continue
            received_ns, value = time.time_ns(), mapping(event, "object")
            version = mapping(value, "metadata").get("resourceVersion")
            how = CHANGES.get(str(event.get("type")))
            found = self._change(how, received_ns, value) if how else None
            if isinstance(version, str) and version:
                self._version = version  # of bookmarks as well: that is what they are for
            await self._take([found] if found else [], Reached(self.resource.key, self._version))
            self._present.last_ns = received_ns
            self._failures = 0

    async def _take(self, changes: list[Change], reached: Reached | None) -> None:
        for found in changes:
            self._present.take(found)
        # Events end by themselves after an hour; that is no news.
        told = [found for found in changes if (found.kind, found.type) != (Kind.EVENT, ChangeType.DELETED)]
        await self._put(told, reached)

    def _change(self, how: ChangeType, received_ns: int, value: Mapping[str, Any]) -> Change | None:
        """A change of an object. The items of a list do not say their kind."""
        group, version = self.resource.group, self.resource.version
        named = {"apiVersion": f"{group}/{version}" if group else version, "kind": self.resource.kind.value, **value}
        try:
            return change(self.resource.kind, how, received_ns, named)
        except Malformed:
            return None

    async def _wait_after(self, error: ClusterError | None) -> None:
        """What to do about it, and how long to wait before."""
        self._failures += 1
        if isinstance(error, Expired):
            self._version = ""
        elif isinstance(error, NotServed) and self.resource.group == EVENTS:
            self.resource, self._version = core_events(self.resource), ""
            return
        elif error is not None:
            await self._tell(self.resource, error)
        if isinstance(error, Forbidden | NotServed):
            self._version = ""
            await asyncio.sleep(self._timing.gap_wait_s)
        elif self._failures > 1 or isinstance(error, Unreachable | Unauthorized):
            at_least_s = error.retry_after_s if isinstance(error, Unreachable) else 0
            await asyncio.sleep(self._timing.wait_s(self._failures, at_least_s))
