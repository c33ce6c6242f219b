"""An open page's websocket, to a real server: subscribed to one topic, as static/js/live.js does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.server import Server

TIMEOUT_S = 60


class OpenPage:
    """Its messages, one after the other."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def hear(self, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The next message. Raises TimeoutError."""
        message: dict[str, Any] = json.loads(self._connection.recv(timeout_s))
        return message


@contextmanager
def open_page(server: Server, topic: str, **params: str) -> Iterator[OpenPage]:
    """The snapshot of the subscription has been received."""
    address = f"ws://127.0.0.1:{server.pages_port}/ws/live/"
    origin: Any = server.pages_url
    with connect(address, origin=origin, max_queue=None, open_timeout=TIMEOUT_S, close_timeout=1) as connection:
        connection.send(json.dumps({"op": "subscribe", "id": 1, "topic": topic, "params": params}))
        page = OpenPage(connection)
        assert page.hear()["type"] == "snapshot"
        yield page
