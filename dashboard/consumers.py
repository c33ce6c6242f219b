"""The websocket of a page: it subscribes, authorises and forwards, nothing else.

Before: `collector.publish` sends to a topic's group. After: static/js/live.js fetches what changed.

Client: {"op": "subscribe" | "unsubscribe", "id": 1, "topic": "traces", "params": {}}.
Server: {"topic", "seq", "type": "snapshot" | "delta" | "reset", "data", "id"}; a gap in `seq` means: fetch again.
"""

from __future__ import annotations

from typing import Any, TypeGuard, cast

import orjson
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from collector.publish import group_of
from dashboard.access import websocket_origin_allowed, websocket_user_allowed

TOPICS = frozenset({"traces", "trace", "logs", "metrics", "status", "claims", "claim", "pools"})
# Topics about a single thing: the parameter that names it, and where a message holds the ids of those that changed.
SINGLE = {"trace": ("trace_id", "trace_ids"), "claim": ("uid", "ids")}
NO_LOGIN, WRONG_ORIGIN = 4401, 4403
MAX_SUBSCRIPTIONS = 32


def _is_topic(topic: object) -> TypeGuard[str]:
    return isinstance(topic, str) and topic in TOPICS


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One page's subscriptions, by the number the page gave them."""

    async def connect(self) -> None:
        self.subscriptions: dict[int, tuple[str, dict[str, str]]] = {}
        self.sent: dict[int, int] = {}
        self.seen: dict[str, int] = {}
        scope = cast(dict[str, Any], self.scope)
        self.refused = WRONG_ORIGIN if not websocket_origin_allowed(scope) else 0
        if not self.refused and not websocket_user_allowed(scope):
            self.refused = NO_LOGIN
        await self.accept()  # a close code only reaches the browser once the socket is open
        if self.refused:
            await self.close(self.refused)

    async def disconnect(self, code: int) -> None:
        for topic in {topic for topic, _ in self.subscriptions.values()}:
            await self.channel_layer.group_discard(group_of(topic), self.channel_name)

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
            await self.send_json({"type": "error", "data": "a message needs op, id and topic"})
            return
        number, params = content["id"], content.get("params") or {}
        topic: object = content.get("topic")
        if content.get("op") == "unsubscribe":
            self.subscriptions.pop(number, None)
        elif content.get("op") != "subscribe" or not _is_topic(topic) or not isinstance(params, dict):
            await self.send_json({"type": "error", "id": number, "data": "no such op or topic"})
        elif len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            await self.send_json({"type": "error", "id": number, "data": "too many subscriptions on one socket"})
        else:
            self.subscriptions[number] = (topic, params)
            self.sent[number] = 0
            await self.channel_layer.group_add(group_of(topic), self.channel_name)
            await self._forward(number, topic, "snapshot", {})

    async def live_message(self, event: dict[str, Any]) -> None:
        """A message of the layer. One that was lost on the way (the layer drops when it is full) makes it a reset."""
        source = event["topic"]
        lost = source in self.seen and event["seq"] != self.seen[source] + 1
        self.seen[source] = event["seq"]
        for number, (topic, params) in list(self.subscriptions.items()):
            if group_of(topic) != group_of(source):
                continue
            data = event["data"]
            if topic in SINGLE and not lost and data["complete"]:
                name, ids = SINGLE[topic]
                if params.get(name) not in data[ids]:
                    continue
            await self._forward(number, topic, "reset" if lost else "delta", data)

    async def _forward(self, number: int, topic: str, kind: str, data: dict[str, Any]) -> None:
        self.sent[number] += 1
        await self.send_json({"topic": topic, "id": number, "seq": self.sent[number], "type": kind, "data": data})
