"""A connection's first bytes, its time limits, and gRPC passed on from an HTTP port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from collector.grpc import receiver
from dashboard import protocol
from dashboard.protocol import PREFACE, Protocol

REQUEST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


async def echo_application(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = f"{scope['method']} {scope['path']} ".encode() + body
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": answer})


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def state() -> ServerState:
    return ServerState()


@pytest.fixture
async def port(state: ServerState) -> AsyncIterator[int]:
    """A port where connections speak our protocol."""
    config = uvicorn.Config(echo_application, log_config=None, http=Protocol)
    server = await asyncio.get_running_loop().create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.shutdown()
    await server.wait_closed()


@pytest.fixture
async def grpc_receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[bytes]]:
    """Stands where the gRPC receiver does: speaks first, then sends back what it gets, and keeps it."""
    received: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"settings")
        while data := await reader.read(65_536):
            received.append(data)
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    monkeypatch.setattr(receiver, "host", "127.0.0.1")
    monkeypatch.setattr(receiver, "port", server.sockets[0].getsockname()[1])
    yield received
    server.close()
    await server.wait_closed()


async def answer_to(port: int, *pieces: bytes) -> bytes:
    """What comes back for bytes that arrive in these pieces, until the server closes or says no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        return head + await reader.read(1_000)
    except asyncio.IncompleteReadError as error:
        return error.partial
    finally:
        writer.close()
        await writer.wait_closed()


async def test_http_is_read_however_it_is_cut(port: int) -> None:
    pieces = [REQUEST[at : at + 1] for at in range(len(REQUEST))]
    assert (await answer_to(port, *pieces)).endswith(b"POST /x body")


@pytest.mark.parametrize("method", [b"PUT", b"PROPFIND", b"PATCH"])
async def test_a_method_that_begins_like_the_preface_is_http(port: int, method: bytes) -> None:
    request = method + b" /y HTTP/1.1\r\nHost: x\r\n\r\n"
    assert (await answer_to(port, request[:2], request[2:])).endswith(method + b" /y ")


@pytest.mark.parametrize("cut", [1, 5, len(PREFACE)])
async def test_http2_is_passed_on_to_the_grpc_receiver_and_back(
    port: int, grpc_receiver: list[bytes], cut: int
) -> None:
    sent = PREFACE + bytes(200_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent[:cut])
    await writer.drain()
    writer.write(sent[cut:])
    assert await reader.readexactly(len(b"settings" + sent)) == b"settings" + sent
    assert b"".join(grpc_receiver) == sent
    writer.close()
    await writer.wait_closed()


async def test_http2_is_closed_when_there_is_no_grpc_receiver(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "host", "127.0.0.1")
    monkeypatch.setattr(receiver, "port", 1)
    assert await answer_to(port, PREFACE) == b""


async def test_a_client_that_never_ends_its_headers_is_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADERS_TIMEOUT_S", 0.05)
    assert await answer_to(port, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""


async def test_a_client_silent_in_the_middle_of_its_body_is_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_IDLE_TIMEOUT_S", 0.05)
    assert await answer_to(port, REQUEST[:-2]) == b""


async def test_headers_without_end_are_refused(port: int) -> None:
    answer = await answer_to(port, b"GET / HTTP/1.1\r\nX-Long: ", *[b"x" * 10_000] * 8)
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_between_two_requests_nothing_is_late(port: int, state: ServerState) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(REQUEST)
        assert b"200 OK" in await reader.readuntil(b"POST /x body")
        assert [connection._late for connection in state.connections if isinstance(connection, Protocol)] == [None]
    writer.close()
    await writer.wait_closed()
