"""The websocket of a page: it subscribes, authorises and forwards, nothing else.

Before: `collector.publish` tells of a commit, `relay` of other processes' ones. After: static/js/live.js fetches what
changed.

Client: {"op": "subscribe" | "unsubscribe", "id": 1, "topic": "traces", "params": {}}.
Server: {"topic", "seq", "type": "snapshot" | "delta" | "reset", "data", "id"}; a gap in `seq` means: fetch again.
The data of a snapshot has the `position` of the last commit: a page drawn at the same one has nothing to fetch.

A subscription hears at most four messages a second, however many processes publish: the first after a quiet time is
sent at once, what comes sooner than INTERVAL_S after it is merged. This is the only place where a message waits. One
task sends everything, so that a browser that does not read holds up nobody: not what is told to us, nor other pages.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

import orjson
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from collector.publish import Hint, end_listening, group_of, listen, merge, publisher, written
from dashboard.access import origin_allowed, websocket_user_allowed
from dashboard.relay import relay

log = logging.getLogger(__name__)

TOPICS = frozenset(
    {"overview", "traces", "trace", "logs", "metrics", "status", "claims", "claim", "pools", "runs", "run"}
)
# Topics about a single thing: the parameter that names it, and where a message holds the ids of those that changed.
SINGLE = {"trace": ("trace_id", "trace_ids"), "claim": ("uid", "ids"), "run": ("id", "ids")}
NO_LOGIN, WRONG_ORIGIN = 4401, 4403
MAX_SUBSCRIPTIONS = 32
MAX_REPLIES = 100  # waiting for a browser that asks faster than it reads
SEND_TIMEOUT_S = 10.0
# Four a second, evenly: of a steady stream nothing waits longer than this. A burst would be paid for by a longer wait
# after it.
INTERVAL_S = 0.25
GUESS_S = 1.0
RANKS = {"delta": 0, "reset": 1, "snapshot": 2}  # of two messages the one that asks for more


def _is_topic(topic: object) -> TypeGuard[str]:
    return isinstance(topic, str) and topic in TOPICS


@dataclass(slots=True)
class _Subscription:
    """What a page asked for, under its own number; `kind` and `data` wait to be sent, not before `due`."""

    topic: str
    params: dict[str, Any]
    seq: int = 0
    due: float = 0.0
    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def merge(self, kind: str, hint: Hint) -> None:
        """What waits already, and this."""
        if RANKS[kind] >= RANKS.get(self.kind, -1):
            self.kind = kind
        # Nobody reads which traces they were: a page of one was picked by them, a list fetches itself.
        merge(self.data, {name: item for name, item in hint.items() if name != "trace_ids"})

    def taken(self, now: float) -> dict[str, Any]:
        """What waited, to be sent now."""
        data = written(self.data)
        if self.kind == "snapshot":
            data["position"] = publisher.position
        told = {"topic": self.topic, "seq": self.seq + 1, "type": self.kind, "data": data}
        # Another process's commit may concern any page: each of them looks for itself, and most find nothing.
        guess = self.topic in SINGLE and not data.get("complete", True)
        rest_s = 0.0 if self.kind == "snapshot" else GUESS_S if guess else INTERVAL_S
        self.seq, self.kind, self.data, self.due = self.seq + 1, "", {}, now + rest_s
        return told


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One page's subscriptions, by the number the page gave them."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.subscriptions: dict[int, _Subscription] = {}
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave_all()  # also when it ended by a failure: nothing may be told to a page that is gone

    async def connect(self) -> None:
        self.replies: deque[dict[str, Any]] = deque()
        self.wake = asyncio.Event()
        self.later: asyncio.TimerHandle | None = None
        self.sender: asyncio.Task[None] | None = None
        scope = cast(dict[str, Any], self.scope)
        self.refused = WRONG_ORIGIN if not origin_allowed(scope) else 0
        if not self.refused and not websocket_user_allowed(scope):
            self.refused = NO_LOGIN
        await self.accept()  # a close code only reaches the browser once the socket is open
        if self.refused:
            await self.close(self.refused)
        else:
            self.sender = asyncio.create_task(self._send_all())

    async def disconnect(self, code: int) -> None:
        if self.sender:
            self.sender.cancel()
        if self.later:
            self.later.cancel()
        await self._leave_all()

    async def live_drop(self, event: dict[str, Any]) -> None:
        """The browser does not read. Saying good-bye would wait for it as well: `protocol` cuts the connection."""
        await self.disconnect(1006)
        raise StopConsumer

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        if self.refused:
            return
        try:
            content = orjson.loads(text_data or "")
        except ValueError:
            content = None
        await self.receive_json(content)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("id"), int):
            await self._reply({"type": "error", "data": "a message needs op, id and topic"})
            return
        number, params = content["id"], content.get("params") or {}
        topic: object = content.get("topic")
        if content.get("op") == "unsubscribe":
            await self._leave(number)
        elif content.get("op") != "subscribe" or not _is_topic(topic) or not isinstance(params, dict):
            await self._reply({"type": "error", "id": number, "data": "no such op or topic"})
        elif topic in SINGLE and not isinstance(params.get(SINGLE[topic][0]), str):
            await self._reply({"type": "error", "id": number, "data": f"{topic} needs {SINGLE[topic][0]}, a text"})
        elif number not in self.subscriptions and len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            await self._reply({"type": "error", "id": number, "data": "too many subscriptions on one socket"})
        else:
            await self._leave(number)
            await relay().join(topic)
            listen(topic, self._hear)
            self.subscriptions[number] = _Subscription(topic, params, kind="snapshot")
            self.wake.set()

    def _hear(self, topic: str, hint: Hint, lost: bool) -> None:
        """A commit somewhere. Hints that were lost before it make it a reset."""
        for one in self.subscriptions.values():
            if group_of(one.topic) == group_of(topic) and (lost or _concerns(one, hint)):
                if not one.kind:  # else the sender knows when it is due
                    self.wake.set()
                one.merge("reset" if lost else "delta", hint)

    async def _leave_all(self) -> None:
        for number in list(self.subscriptions):
            await self._leave(number)

    async def _leave(self, number: int) -> None:
        left = self.subscriptions.pop(number, None)
        if left is None:
            return
        if not any(group_of(one.topic) == group_of(left.topic) for one in self.subscriptions.values()):
            end_listening(left.topic, self._hear)
        await relay().leave(left.topic)

    async def _reply(self, message: dict[str, Any]) -> None:
        self.replies.append(message)
        self.wake.set()
        if len(self.replies) > MAX_REPLIES:
            await self._drop("it asks faster than it reads")

    async def _drop(self, why: str) -> None:
        log.warning("A page's websocket is dropped: %s.", why)
        await self.channel_layer.send(self.channel_name, {"type": "live.drop"})

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self.wake.wait()
                self.wake.clear()
                while self.replies:
                    await self._send_one(self.replies.popleft())
                for number, one in list(self.subscriptions.items()):
                    if one.kind and one.due <= loop.time():
                        await self._send_one({"id": number, **one.taken(loop.time())})
                if late := [one.due for one in self.subscriptions.values() if one.kind]:
                    if self.later:
                        self.later.cancel()
                    self.later = loop.call_at(min(late), self.wake.set)
        except TimeoutError:
            await self._drop("it does not read")

    async def _send_one(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self.send(text_data=orjson.dumps(message).decode())


def _concerns(one: _Subscription, hint: Hint) -> bool:
    """Whether a page about a single thing is among what changed; without all the ids it has to look for itself."""
    if one.topic not in SINGLE or not hint["complete"]:
        return True
    name, ids = SINGLE[one.topic]
    return one.params.get(name) in hint[ids]
