"""Hears what other processes publish, once for all pages of this one.

Before: `collector.publish` of another process sends to a topic's group of the channel layer. After: those here who
listen to the topic are told, as of a commit of our own; whether their page is concerned, they decide.

One channel a process, and not one a page: what Redis hands out and what this process unpacks is the same for one page
and for fifty. What was lost on the way (the layer drops when a channel is full, or Redis begins anew) is told as lost,
and pages fetch all again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from collector.publish import IDS, channel_layer, group_of, publisher, tell

log = logging.getLogger(__name__)

STAY_S = 3_600.0  # the layer forgets who belongs to a group after a day
AFTER_FAILURE_S = 1.0


class Relay:
    """One an event loop. Belongs to the groups somebody here listens to."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._layer = channel_layer()
        self._channel = ""
        self._topics: Counter[str] = Counter()  # how many listen
        self._lock = asyncio.Lock()
        self._seen: dict[tuple[str, str], int] = {}  # (publisher, topic) -> seq
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, topic: str) -> None:
        """Returns once nothing of the topic is missed."""
        async with self._lock:
            if not self._tasks:
                self._channel = await self._layer.new_channel()
                self._tasks = [asyncio.create_task(self._hear_all()), asyncio.create_task(self._stay())]
            await self._layer.group_add(group_of(topic), self._channel)
            self._topics[topic] += 1

    async def leave(self, topic: str) -> None:
        """One listener less."""
        async with self._lock:
            self._topics[topic] -= 1
            if any(group_of(other) == group_of(topic) for other in +self._topics):
                return
            self._seen = {key: seq for key, seq in self._seen.items() if group_of(key[1]) != group_of(topic)}
            try:
                await self._layer.group_discard(group_of(topic), self._channel)
            except Exception as error:  # what still comes from it, nobody here listens to
                log.warning("A group of the channel layer cannot be left: %s", error)

    async def _hear_all(self) -> None:
        while True:
            try:
                while True:
                    self._hear(await self._layer.receive(self._channel))
            except Exception as error:
                log.warning("What other processes tell of is not heard for now: %s", error)
            await asyncio.sleep(AFTER_FAILURE_S)
            await self._begin_again()

    def _hear(self, message: Mapping[str, Any]) -> None:
        if message["publisher"] == publisher.name:
            return  # who listens here was told when it was committed
        key = message["publisher"], message["topic"]
        lost = key in self._seen and message["seq"] != self._seen[key] + 1
        self._seen[key] = message["seq"]
        if message["topic"] != "status":
            publisher.count()
        hint = {name: set(value) if name in IDS else value for name, value in message["data"].items()}
        tell(message["topic"], hint, lost=lost)

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(STAY_S)
            await self._join_groups()

    async def _begin_again(self) -> None:
        """Nobody knows what was told meanwhile."""
        self._seen = {}
        await self._join_groups()
        for topic in list(+self._topics):
            tell(topic, {"complete": False}, lost=True)

    async def _join_groups(self) -> None:
        try:
            async with self._lock:
                for group in {group_of(topic) for topic in +self._topics}:
                    await self._layer.group_add(group, self._channel)
        except Exception as error:
            log.warning("The groups of the channel layer cannot be joined: %s", error)


_relay: Relay | None = None


def relay() -> Relay:
    """The running event loop's; a server has one loop, tests one each."""
    global _relay
    if _relay is None or _relay.loop is not asyncio.get_running_loop():
        _relay = Relay()
    return _relay
