"""Finds the cluster, follows its resources, and goes over to another one when the kubeconfig leads there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

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
from sandboxes.records import Change, ClusterIdentity, Kind
from sandboxes.store import look_again_soon, open_claims, save_changes_soon
from sandboxes.watch.following import Following
from sandboxes.watch.saving import Saving
from sandboxes.watch.timing import Timing

log = logging.getLogger(__name__)

SETTLE_TIMEOUT_S = 5
FEW_GAPS = 5

Save = Callable[[ClusterIdentity, Sequence[Change]], Awaitable[object]]
LookAgain = Callable[[ClusterIdentity], Awaitable[object]]
Known = Callable[[ClusterIdentity], Awaitable[tuple[Sequence[Change], int]]]


@dataclass(slots=True)
class State:
    """How the watching stands, in words. `gaps`: what is not allowed or not there, one by one."""

    status: str = "off"  # off, waiting, ok
    detail: str = "this process watches no cluster"
    cluster: ClusterIdentity | None = None
    gaps: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)  # that pass by themselves

    @property
    def sentence(self) -> str:
        """For people: the detail, and what is missing."""
        missing = [f"{name}: {why}" for name, why in list(self.gaps.items())[:FEW_GAPS]]
        passing = list(self.troubles.values())[:1]
        return "; ".join([self.detail, *missing, *passing])


class Watcher:
    """One a process, run as a task of its event loop. No cluster, or one that is away, is a calm state."""

    def __init__(
        self,
        save: Save = save_changes_soon,
        known: Known = open_claims,
        look_again: LookAgain = look_again_soon,
        timing: Timing = Timing(),  # noqa: B008
    ) -> None:
        self.state = State()
        self._save = save
        self._known = known
        self._look_again = look_again
        self._timing = timing
        self._renewed_at = 0.0
        self._renewing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def is_watching(self, cluster: Cluster) -> bool:
        """Whether what this cluster last said still holds: we would hear of anything else."""
        watched = self.state.cluster
        return self.state.status == "ok" and watched is not None and watched.uid == cluster.uid

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
        """Returns when all has to begin again: the kubeconfig leads elsewhere, or everything was cleared.

        Raises ClusterError when the cluster is not there.
        """
        files = fingerprint()
        connection = Connection(found)
        try:
            identity = await connection.identify()
            self._say("ok", f"watches {identity.name}", identity)
            saving = Saving(lambda changes: self._save(identity, changes), self._timing)
            followings = await self._followings(connection, identity, namespaces, saving, context)
            steps = [
                saving.run(),
                self._look(connection, files, context),
                self._look_at_waiting(identity, saving),
                *(each.run() for each in followings),
            ]
            await self._together([asyncio.ensure_future(step) for step in steps], saving)
        finally:
            await connection.close()

    async def _together(self, tasks: list[asyncio.Future[None]], saving: Saving) -> None:
        """Runs them until the first ends, as `_look` does; what has been received is saved all the same."""
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
        claims, seen_ns = await self._known(identity)

        async def tell(resource: Resource, error: ClusterError | None) -> None:
            self._note(resource, error)
            if isinstance(error, Unauthorized):
                await self._renew(connection, context)

        followings = []
        for resource in resources(identity.api_version, namespaces):
            present = Present()
            if resource.kind == Kind.CLAIM:
                # What was there when an earlier run ended, so that this one notices what has gone since.
                for claim in claims:
                    if resource.namespace in ("", claim.metadata.get("namespace")):
                        present.take(claim)
                present.last_ns = seen_ns or None
            followings.append(Following(connection, resource, present, saving.put, tell, self._timing))
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
                if await self._look_again(identity) is None and saving.saved:
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
