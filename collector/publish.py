"""Tells who listens what changed: pages of this process at once, those of others through the channel layer.

Before: `ingest` has committed and calls `Publisher.committed` in the event loop. After: `dashboard.consumers` listens
to the topics of its pages; `dashboard.relay` of another process hears what goes through the layer. What they are told
are hints that can be fetched again; the truth is rows.

Topics and groups. All pages of one topic share a group; the hint names what changed, and a page about one trace is told
when its trace is among them.

Nothing waits here for pages of this process: each subscription merges for itself what comes too soon. A merging here as
well had a page wait for two clocks, and one about a single trace for the messages of all others (docs/decisions/0006).
The layer gets at most one message a topic in LAYER_INTERVAL_S, however many commits there are.

Several processes may publish, each with a name and a count of its own: a message that was lost on the way shows as a
gap in the count of its publisher.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from collector.writer import MAX_TOLD_IDS, Committed

log = logging.getLogger(__name__)

LAYER_INTERVAL_S = 0.05
# Signals, and the counter of `Committed` that moves them.
SIGNALS = {"traces": "spans", "logs": "logs", "metrics": "points"}
# Topics of the layers above, which say by id what changed (`Committed.tell`).
TOLD = ("claims", "pools", "runs")
# What the overview is made of.
OVERVIEW = frozenset({"traces", "claims", "pools"})
ALL_OF = {"trace": "traces", "claim": "claims", "run": "runs"}  # a single one is told through the group of all
IDS = ("trace_ids", "ids")

# {"count", "trace_ids" or "ids" (a set), "complete"}, each where the topic has it; `status` has what the bar shows.
Hint = dict[str, Any]
# Is told a topic, its hint, and whether hints before it were lost. Neither waits nor keeps the hint.
Hear = Callable[[str, Hint, bool], None]

_listening: defaultdict[str, set[Hear]] = defaultdict(set)


def group_of(topic: str) -> str:
    """The channel layer's group of a topic."""
    return f"live.{ALL_OF.get(topic, topic)}"


def channel_layer() -> Any:
    """What carries messages from process to process; one process has it in memory, and needs it not."""
    return get_channel_layer()


def listen(topic: str, hear: Hear) -> None:
    """From now on `hear` is told of the topic, in the event loop."""
    _listening[group_of(topic)].add(hear)


def end_listening(topic: str, hear: Hear) -> None:
    """The opposite; who does not listen may say so."""
    _listening[group_of(topic)].discard(hear)


def tell(topic: str, hint: Hint, *, lost: bool = False) -> None:
    """Tells who listens in this process."""
    for hear in tuple(_listening[group_of(topic)]):
        hear(topic, hint, lost)


def merge(into: Hint, hint: Hint) -> None:
    """Adds a later hint to an earlier one. What only one of them says stays."""
    for name, value in hint.items():
        if name == "count":
            into[name] = into.get(name, 0) + value
        elif name == "complete":
            into[name] = into.get(name, True) and value
        elif name not in IDS:
            into[name] = value
        elif len(into.setdefault(name, set())) <= MAX_TOLD_IDS:
            into[name].update(value)


def written(hint: Hint) -> Hint:
    """As it is sent: ids sorted, and not more than MAX_TOLD_IDS of them; without all, it is not complete."""
    found = dict(hint)
    for name in found.keys() & IDS:
        if len(found[name]) > MAX_TOLD_IDS:
            found["complete"] = False
        found[name] = sorted(found[name])[:MAX_TOLD_IDS]
    return found


def hints(committed: Committed) -> dict[str, Hint]:
    """What a commit says to each topic it concerns."""
    found: dict[str, Hint] = {}
    for topic, counter in SIGNALS.items():
        count = getattr(committed, counter)
        if count or committed.elsewhere:
            ids = committed.trace_ids if topic == "traces" else set()
            found[topic] = {"count": count, "trace_ids": ids, "complete": _complete(ids, committed)}
    for topic in TOLD:
        ids = committed.changed.get(topic, set())
        if ids or committed.elsewhere:
            found[topic] = {"ids": ids, "complete": _complete(ids, committed)}
    if found.keys() & OVERVIEW:
        found["overview"] = {}
    return found


def _complete(ids: set[str], committed: Committed) -> bool:
    """Without all the ids, every page about a single thing has to look for itself."""
    return not committed.elsewhere and len(ids) <= MAX_TOLD_IDS


class Publisher:
    """Tells of commits. Lives in one event loop."""

    def __init__(self) -> None:
        self.name = f"{os.getpid():x}.{secrets.token_hex(4)}"
        self._pending: dict[str, Hint] = {}
        self._seq: Counter[str] = Counter()
        self._sending: asyncio.Task[None] | None = None
        self.version = -1  # counts the commits this process knows of; -1: nobody tells it of any

    def start(self) -> None:
        """From now on every commit is told here."""
        self.version = 0

    def committed(self, committed: Committed) -> None:
        """Tells of a commit."""
        self.count()
        for topic, hint in hints(committed).items():
            self._tell(topic, hint)

    def status(self, hint: Hint) -> None:
        """What the bar at the top shows."""
        self._tell("status", hint)

    @property
    def position(self) -> str:
        """Of the last commit there was; empty where that is not known: others tell theirs only to who listens."""
        return "" if self.version < 0 or settings.REDIS_URL else f"{self.name}.{self.version}"

    def count(self) -> None:
        """There was a commit, of this process or another."""
        if self.version >= 0:
            self.version += 1

    def _tell(self, topic: str, hint: Hint) -> None:
        tell(topic, hint)
        if not settings.REDIS_URL:
            return  # there is no other process that hears
        merge(self._pending.setdefault(topic, {}), hint)
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_pending())

    async def _send_pending(self) -> None:
        """To the layer, one after the other: what overtook another message would look as if that one was lost."""
        try:
            while self._pending:
                pending, self._pending = self._pending, {}
                for topic, hint in pending.items():
                    await self._send(topic, hint)
                await asyncio.sleep(LAYER_INTERVAL_S)
        finally:
            self._sending = None

    async def _send(self, topic: str, hint: Hint) -> None:
        self._seq[topic] += 1
        told = {"publisher": self.name, "topic": topic, "seq": self._seq[topic], "data": written(hint)}
        try:
            await channel_layer().group_send(group_of(topic), {"type": "live.message", **told})
        except Exception as error:  # who hears the next one sees that this one is missing
            log.warning("Other processes are not told of a change: %s", error)


publisher = Publisher()
