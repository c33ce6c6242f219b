"""Tells open pages what changed: the only sender to the channel layer.

Before: `ingest` has committed and calls `Publisher.committed` in the event loop. After: `dashboard.consumers` forwards
to browsers. Messages are hints that can be fetched again; the truth is rows.

Topics and groups. All pages of one topic share a group; the hint names what changed, and a page about one trace is told
when its trace is among them. What happens within a tick is merged: at most four messages a second and topic.

Several processes may publish, each with a name and a count of its own: a message that was lost on the way shows as a
gap in the count of its publisher.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from typing import Any

from channels.layers import get_channel_layer

from collector.writer import MAX_TOLD_IDS, Committed

TICK_S = 0.25
# Signals, and the counter of `Committed` that moves them.
SIGNALS = {"traces": "spans", "logs": "logs", "metrics": "points"}
# Topics of the layers above, which say by id what changed (`Committed.tell`).
TOLD = ("claims", "pools", "runs")
# What the overview is made of.
OVERVIEW = frozenset({"traces", "claims", "pools"})
ALL_OF = {"trace": "traces", "claim": "claims", "run": "runs"}  # a single one is told through the group of all


def group_of(topic: str) -> str:
    """The channel layer's group of a topic."""
    return f"live.{ALL_OF.get(topic, topic)}"


class Publisher:
    """Merges commits for a tick, then sends one message a topic. Lives in one event loop."""

    def __init__(self) -> None:
        self.name = f"{os.getpid():x}.{secrets.token_hex(4)}"
        self._pending: dict[str, dict[str, Any]] = {}
        self._seq: Counter[str] = Counter()
        self._heard: dict[tuple[str, str], int] = {}
        self._tick: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.version = -1  # counts the commits this process knows of; -1: nobody tells it of any

    def start(self) -> None:
        """From now on every commit is told here."""
        self.version = 0

    def committed(self, committed: Committed) -> None:
        """Takes note of a commit. The first one after a quiet tick goes out at once."""
        self._count()
        for topic, counter in SIGNALS.items():
            count = getattr(committed, counter)
            if count or committed.elsewhere:
                self._merge(topic, count, committed)
        for topic in TOLD:
            ids = committed.changed.get(topic, set())
            if ids or committed.elsewhere:
                self._merge_told(topic, ids, committed.elsewhere)
        if self._pending.keys() & OVERVIEW:
            self._pending["overview"] = {}
        if self._tick is None:
            self._send()

    def status(self, data: dict[str, Any]) -> None:
        """What the bar at the top shows."""
        self._pending["status"] = data
        if self._tick is None:
            self._send()

    def heard(self, publisher: str, topic: str, seq: int) -> None:
        """A message of some process has arrived at a page of ours: of another one's, it tells of a commit too."""
        if publisher != self.name and topic != "status" and self._heard.get((publisher, topic)) != seq:
            self._heard[publisher, topic] = seq
            self._count()

    def _count(self) -> None:
        if self.version >= 0:
            self.version += 1

    def _merge(self, topic: str, count: int, committed: Committed) -> None:
        hint = self._pending.setdefault(topic, {"count": 0, "trace_ids": set(), "complete": True})
        hint["count"] += count
        if topic == "traces":
            hint["trace_ids"] |= committed.trace_ids
        # Without all the ids, every page about a trace has to look for itself.
        if committed.elsewhere or len(hint["trace_ids"]) > MAX_TOLD_IDS:
            hint["complete"] = False

    def _merge_told(self, topic: str, ids: set[str], elsewhere: bool) -> None:
        hint = self._pending.setdefault(topic, {"ids": set(), "complete": True})
        hint["ids"] |= ids
        if elsewhere or len(hint["ids"]) > MAX_TOLD_IDS:
            hint["complete"] = False

    def _send(self) -> None:
        pending, self._pending = self._pending, {}
        loop = asyncio.get_running_loop()
        for topic, data in pending.items():
            self._seq[topic] += 1
            for ids in data.keys() & {"trace_ids", "ids"}:
                data[ids] = sorted(data[ids])[:MAX_TOLD_IDS]
            told = {"publisher": self.name, "topic": topic, "seq": self._seq[topic], "data": data}
            task = loop.create_task(self._send_one(topic, {"type": "live.message", **told}))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        self._tick = loop.call_later(TICK_S, self._ticked)

    def _ticked(self) -> None:
        self._tick = None
        if self._pending:
            self._send()

    async def _send_one(self, topic: str, message: dict[str, Any]) -> None:
        layer = get_channel_layer()
        if layer is not None:
            await layer.group_send(group_of(topic), message)


publisher = Publisher()
