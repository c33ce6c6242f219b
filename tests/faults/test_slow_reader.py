"""A browser that asks and never reads: it is cut off, and nobody else notices."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.test_http import send, trace_request
from tests.pages import open_page
from tests.server import Server, running_server

pytestmark = pytest.mark.server

CUT_OFF_WITHIN_S = 120  # 10 to send, 15 for last words, and a busy machine


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path) as running:
        yield running


def silent_browser(server: Server) -> socket.socket:
    """Upgraded to a websocket, with next to no buffer of its own."""
    browser = socket.socket()
    browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    browser.settimeout(CUT_OFF_WITHIN_S)
    browser.connect(("127.0.0.1", server.pages_port))
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /ws/live/ HTTP/1.1",
        f"Host: 127.0.0.1:{server.pages_port}",
        f"Origin: {server.pages_url}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    ]
    browser.sendall("\r\n".join([*lines, "", ""]).encode())
    assert browser.recv(12) == b"HTTP/1.1 101"
    return browser


def masked(text: bytes) -> bytes:
    """A frame as a client sends it."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


def ask_forever(browser: socket.socket) -> None:
    """Each question is answered by an error, which is not read."""
    while True:
        browser.sendall(masked(b'{"op": "shout", "id": 1}') * 100)


def test_who_does_not_read_is_cut_off_and_the_others_hear(server: Server) -> None:
    with silent_browser(server) as browser, open_page(server, "traces") as other:
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            ask_forever(browser)
        assert send(server, trace_request("beside a silent browser")).status == 200
        assert other.hear()["type"] == "delta"
    assert "websocket is dropped" in server.log
