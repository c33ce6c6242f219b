"""Finds the cluster, follows its resources, and goes over to another one when the kubeconfig leads there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

from collector.writer import Unavailable
from sandboxes.cluster import (
    ClusterError,
    Connection,
    Forbidden,
    Found,
    NoCluster,
    NotServed,
    Resource,
    Unauthorized,
    find,
    resources,
)
from sandboxes.cluster.place import fingerprint
from sandboxes.models import Cluster
from sandboxes.objects import Present
from sandboxes.records import ClusterIdentity, Kind
from sandboxes.watch.following import Following
from sandboxes.watch.keeping import Database, Election, Keeping
from sandboxes.watch.saving import Saving
from sandboxes.watch.state import State, is_watched, lease_name
from sandboxes.watch.timing import Timing

log = logging.getLogger(__name__)

SETTLE_TIMEOUT_S = 5


class Watcher:
    """One a process, run as a task of its event loop. No cluster, or one that is away, is a calm state.

    Of several processes that see the same cluster one watches it; the others are ready to.
    """

    def __init__(
        self,
        keeping: Keeping = Database(),  # noqa: B008
        timing: Timing = Timing(),  # noqa: B008
    ) -> None:
        self.state = State()
        self._keeping = keeping
        self._timing = timing
        self._renewed_at = 0.0
        self._renewing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def is_watching(self, cluster: Cluster) -> bool:
        """Whether what this cluster last said still holds: we would hear of anything else, or another process would."""
        watched = self.state.cluster
        here = self.state.status == "ok" and watched is not None and watched.uid == cluster.uid
        return here or is_watched(cluster.uid)

    def start(self, context: str = "", namespaces: Sequence[str] = ()) -> None:
        """Begins to watch, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self.run(context, namespaces))

    async def stop(self) -> None:
        """Ends watching; what was received until then is saved."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self, context: str = "", namespaces: Sequence[str] = ()) -> None:
        """Watches until it is cancelled."""
        failures = 0
        try:
            while True:
                try:
                    await self._watch_one(await find(context), context, tuple(namespaces))
                    failures = 0  # the kubeconfig leads elsewhere now
                    continue
                except NoCluster as error:
                    failures = 0
                    self._say("waiting", f"no cluster: {error}")
                except ClusterError as error:
                    self._say("waiting", str(error))
                except Exception:
                    log.exception("watching the cluster failed")
                    self._say("waiting", "watching the cluster failed; it is tried again")
                failures += 1
                await asyncio.sleep(max(self._timing.look_s, self._timing.wait_s(failures)))
        finally:
            self.state = State()

    async def _watch_one(self, found: Found, context: str, namespaces: tuple[str, ...]) -> None:
        """Returns when all has to begin again: the kubeconfig leads elsewhere, everything was cleared, or another
        process watches now.

        Raises ClusterError when the cluster is not there.
        """
        files = fingerprint()
        async with AsyncExitStack() as leaving:  # however one step of it ends, the others are taken
            connection = Connection(found)
            leaving.push_async_callback(connection.close)
            looking = asyncio.ensure_future(self._look(connection, files, context))
            leaving.push_async_callback(_end, looking)
            identity = await connection.identify()
            election = self._keeping.elect(lease_name(identity, namespaces))
            leaving.push_async_callback(election.leave)
            if await _first(election.take(lambda words: self._say("ok", words, identity)), looking):
                await self._follow(connection, identity, namespaces, context, election, looking)

    async def _follow(
        self,
        connection: Connection,
        identity: ClusterIdentity,
        namespaces: tuple[str, ...],
        context: str,
        election: Election,
        looking: asyncio.Future[None],
    ) -> None:
        """As the one that watches."""
        self._say("ok", f"watches {identity.name}", identity)
        saving = Saving(partial(self._keeping.save, identity), self._timing)
        followings = await self._followings(connection, identity, namespaces, saving, context)
        steps = [
            saving.run(),
            election.hold(lambda: self.state.sentence),
            self._look_at_waiting(identity, saving),
            *(each.run() for each in followings),
        ]
        await self._together([*map(asyncio.ensure_future, steps), looking], saving)

    async def _together(self, tasks: list[asyncio.Future[None]], saving: Saving) -> None:
        """Until the first ends, as `_look` and `hold` do; what has been received is saved all the same."""
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks[1:]:
                task.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_TIMEOUT_S):
                    await saving.settle()
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _followings(
        self,
        connection: Connection,
        identity: ClusterIdentity,
        namespaces: tuple[str, ...],
        saving: Saving,
        context: str,
    ) -> list[Following]:
        """One for each resource. What was there when an earlier watcher ended is remembered, so that this one notices
        what has gone since; where that one had come, it goes on."""
        remembered = await self._keeping.remember(identity)
        for each in remembered.objects:
            if each.kind == Kind.POD:
                saving.pods.meet(each.uid)

        async def tell(resource: Resource, error: ClusterError | None) -> None:
            self._note(resource, error)
            if isinstance(error, Unauthorized):
                await self._renew(connection, context)

        followings = []
        for resource in resources(identity.api_version, namespaces):
            present = Present()
            for each in remembered.objects:
                if each.kind == resource.kind and resource.namespace in ("", each.metadata.get("namespace")):
                    present.take(each)
            present.last_ns = remembered.last_ns
            version = remembered.versions.get(resource.key, "")
            followings.append(Following(connection, resource, present, saving.put, tell, self._timing, version))
        _put_in_order(followings)
        return followings

    async def _look(self, connection: Connection, files: object, context: str) -> None:
        """Returns when the kubeconfig leads elsewhere; new credentials for the same cluster are taken over."""
        while True:
            await asyncio.sleep(self._timing.look_s)
            now = fingerprint()
            if now == files:
                continue
            files = now
            try:
                found = await find(context)
            except NoCluster as error:
                log.warning("the cluster is watched on: %s", error)  # a file half written, perhaps
                continue
            if found.target != connection.target:
                return
            await connection.renew(found)

    async def _look_at_waiting(self, identity: ClusterIdentity, saving: Saving) -> None:
        """Claims that wait too long are told so, though nothing happens to them.

        Returns when everything was cleared: what is there has to be listed anew.
        """
        while True:
            await asyncio.sleep(self._timing.look_s)
            with suppress(Unavailable):
                if await self._keeping.look_again(identity) is None and saving.saved:
                    return

    async def _renew(self, connection: Connection, context: str) -> None:
        """Reads the credentials again: those of exec plugins expire. Nine watches meet it together; once is enough."""
        async with self._renewing:
            if time.monotonic() - self._renewed_at < self._timing.first_wait_s:
                return
            with suppress(NoCluster):
                found = await find(context)
                if found.target == connection.target:
                    await connection.renew(found)
            self._renewed_at = time.monotonic()

    def _note(self, resource: Resource, error: ClusterError | None) -> None:
        """Keeps what stands in the way, by what it concerns."""
        name = resource.words
        self.state.gaps.pop(name, None)
        self.state.troubles.pop(name, None)
        if isinstance(error, Forbidden | NotServed):
            self.state.gaps[name] = str(error)
        elif error is not None:
            self.state.troubles[name] = str(error)

    def _say(self, status: str, detail: str, cluster: ClusterIdentity | None = None) -> None:
        self.state = State(status, detail, cluster)


async def _first(wanted: Coroutine[Any, Any, None], other: asyncio.Future[None]) -> bool:
    """Whether what is wanted came before the other, which goes on if so."""
    waiting = asyncio.ensure_future(wanted)
    try:
        await asyncio.wait([waiting, other], return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            waiting.result()
            return True
        other.result()
        return False
    finally:
        await _end(waiting)


async def _end(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _put_in_order(followings: Sequence[Following]) -> None:
    """Says what is listed after what.

    Events about Pods come after the Pods: whose Pod is not known yet can wait for it in small numbers only. Claims come
    after Sandboxes and Pods: so a story is told once, whole, and not again with each thing around it.
    """
    looked = {(each.resource.kind, each.resource.namespace): each.looked for each in followings}
    for each in followings:
        namespace = each.resource.namespace
        if each.resource.kind == Kind.CLAIM:
            each.after = [looked[kind, namespace] for kind in (Kind.SANDBOX, Kind.POD)]
        elif each.resource.field_selector.endswith(f"={Kind.POD.value}"):
            each.after = [looked[Kind.POD, namespace]]


watcher = Watcher()
