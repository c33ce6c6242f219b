"""All changes of one cluster into the database, in portions, in order."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from collector.writer import Unavailable
from sandboxes.objects import regarding
from sandboxes.records import Change, Kind
from sandboxes.watch.keeping import Reached
from sandboxes.watch.timing import Timing

log = logging.getLogger(__name__)

MAX_WAITING = 1_000  # changes; beyond it the watches are read no further
PORTION = 200  # a tenth of a second at most; beside them telemetry waits for its turn
MAX_PODS = 100_000
MAX_STRANGERS = 1_000  # Pods that Events are about and nobody knows yet, with
MAX_EVENTS = 50  # this many Events each

Save = Callable[[Sequence[Change], Sequence[Reached]], Awaitable[None]]


class Saving:
    """The queue and what empties it. Nothing is lost while the database cannot be written: the watches wait."""

    def __init__(self, save: Save, timing: Timing) -> None:
        self._save = save
        self._timing = timing
        self._queue: asyncio.Queue[Change | Reached] = asyncio.Queue(MAX_WAITING)
        self.pods = PodEvents()
        self.saved = False  # anything yet

    async def put(self, changes: Iterable[Change], reached: Reached | None = None) -> None:
        """Takes changes, and how far their resource is read with them; waits while too many do."""
        for change in self.pods.sift(changes):
            await self._queue.put(change)
        if reached is not None:
            await self._queue.put(reached)

    async def settle(self) -> None:
        """Until all that was put is saved."""
        await self._queue.join()

    async def run(self) -> None:
        """For as long as the cluster is watched."""
        while True:
            portion = [await self._queue.get()]
            while len(portion) < PORTION and not self._queue.empty():
                portion.append(self._queue.get_nowait())
            changes = [item for item in portion if isinstance(item, Change)]
            await self._save_all(changes, _last([item for item in portion if isinstance(item, Reached)]))
            for _ in portion:
                self._queue.task_done()

    async def _save_all(self, changes: Sequence[Change], reached: Sequence[Reached]) -> None:
        failures = 0
        while True:
            try:
                await self._save(changes, reached)
                self.saved = True
                return
            except Unavailable as error:
                failures += 1
                if failures == 1:
                    log.warning("changes of the cluster wait: %s", error)
                await asyncio.sleep(self._timing.wait_s(failures))
            except Exception:
                # One object that is too odd must cost neither the others nor the watch.
                if len(changes) + len(reached) == 1:
                    log.exception("a %s could not be kept", changes[0].kind if changes else "resource version")
                    return
                for change in changes:
                    await self._save_all([change], [])
                for each in reached:
                    await self._save_all([], [each])
                return


def _last(reached: Sequence[Reached]) -> list[Reached]:
    """The last of each resource; that a list began in between counts for itself."""
    last: dict[tuple[str, bool], Reached] = {}
    for each in reached:
        key = each.resource, not each.version
        last.pop(key, None)
        last[key] = each
    return list(last.values())


class PodEvents:
    """Lets Events about Pods of sandboxes through only: a shared cluster tells about all its Pods.

    An Event may be faster than its Pod, so a few wait for it.
    """

    def __init__(self) -> None:
        self._ours: OrderedDict[str, None] = OrderedDict()
        self._strangers: OrderedDict[str, list[Change]] = OrderedDict()

    def sift(self, changes: Iterable[Change]) -> list[Change]:
        """Those to keep, and what had waited for them."""
        kept = []
        for change in changes:
            about = regarding(change.object) if change.kind == Kind.EVENT else {}
            uid = str(about.get("uid", ""))
            if change.kind == Kind.POD:
                kept += [change, *self.meet(change.uid)]
            elif about.get("kind") != Kind.POD or uid in self._ours:
                kept.append(change)
            else:
                self._let_wait(uid, change)
        return kept

    def meet(self, uid: str) -> list[Change]:
        """That Pod is a sandbox's; gives what had waited to hear so."""
        self._ours[uid] = None
        if len(self._ours) > MAX_PODS:
            self._ours.popitem(last=False)
        return self._strangers.pop(uid, [])

    def _let_wait(self, uid: str, change: Change) -> None:
        waiting = self._strangers.setdefault(uid, [])
        if len(waiting) < MAX_EVENTS:
            waiting.append(change)
        if len(self._strangers) > MAX_STRANGERS:
            self._strangers.popitem(last=False)
