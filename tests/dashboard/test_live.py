"""From a commit to the browser's websocket: topics, merging, gaps, and who may connect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from pytest_django.fixtures import Settings

from collector import publish
from collector.publish import Publisher, group_of
from collector.writer import Committed
from dashboard.consumers import NO_LOGIN, WRONG_ORIGIN, LiveConsumer
from dashboard.relay import relay

ORIGIN = [(b"host", b"localhost:8000"), (b"origin", b"http://localhost:8000")]
TRACE, OTHER = "0a" * 16, "0b" * 16


def scope(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"type": "websocket", "path": "/ws/live/", "headers": headers, "query_string": b"", "subprotocols": []}


class Socket:
    """The browser's end of a websocket. (channels.testing would bring another server along.)"""

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        communicator: Any = ApplicationCommunicator
        self._consumer = communicator(LiveConsumer.as_asgi(), scope(headers))

    async def connect(self) -> None:
        await self._consumer.send_input({"type": "websocket.connect"})
        assert (await self._consumer.receive_output())["type"] == "websocket.accept"

    async def disconnect(self) -> None:
        await self._consumer.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._consumer.wait()

    async def send(self, message: Any) -> None:
        await self.send_raw(text=json.dumps(message))

    async def send_raw(self, **frame: Any) -> None:
        await self._consumer.send_input({"type": "websocket.receive", **frame})

    async def receive(self) -> Any:
        message = await self._consumer.receive_output()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def closed_with(self) -> Any:
        message = await self._consumer.receive_output()
        assert message["type"] == "websocket.close", message
        return message["code"]

    async def hears_nothing(self) -> bool:
        return bool(await self._consumer.receive_nothing())


@asynccontextmanager
async def page(*subscriptions: dict[str, Any]) -> AsyncIterator[Socket]:
    """A page's websocket, subscribed; the snapshot of each subscription has been received."""
    socket = Socket(ORIGIN)
    await socket.connect()
    for number, subscription in enumerate(subscriptions, 1):
        await socket.send({"op": "subscribe", "id": number, **subscription})
        snapshot = await socket.receive()
        assert (snapshot["type"], snapshot["topic"], snapshot["seq"]) == ("snapshot", subscription["topic"], 1)
    yield socket
    await socket.disconnect()


async def test_a_commit_reaches_the_pages_of_its_signal_only() -> None:
    publisher = Publisher()
    async with page({"topic": "traces"}) as traces, page({"topic": "logs"}) as logs:
        publisher.committed(Committed(spans=3, trace_ids={TRACE}))
        message = await traces.receive()
        assert message["data"]["count"] == 3
        assert (message["type"], message["topic"], message["seq"]) == ("delta", "traces", 2)
        assert await logs.hears_nothing()


async def test_a_trace_page_hears_of_its_own_trace_only() -> None:
    publisher = Publisher()
    async with page({"topic": "trace", "params": {"trace_id": TRACE}}) as socket:
        publisher.committed(Committed(spans=1, trace_ids={OTHER}))
        assert await socket.hears_nothing()
        publisher.committed(Committed(spans=1, trace_ids={TRACE}))
        assert (await socket.receive())["type"] == "delta"


async def test_a_claims_page_hears_of_its_own_claim_only_and_the_list_of_all() -> None:
    publisher = Publisher()
    async with page({"topic": "claim", "params": {"uid": "a"}}) as single, page({"topic": "claims"}) as every:
        other = Committed()
        other.tell("claims", ["b"])
        publisher.committed(other)
        assert (await every.receive())["data"] == {"ids": ["b"], "complete": True}
        assert await single.hears_nothing()
        own = Committed()
        own.tell("claims", ["a"])
        publisher.committed(own)
        assert (await single.receive())["data"] == {"ids": ["a"], "complete": True}


async def test_a_trace_page_looks_for_itself_when_another_process_committed() -> None:
    publisher = Publisher()
    async with page({"topic": "trace", "params": {"trace_id": TRACE}}) as socket:
        publisher.committed(Committed(elsewhere=True))
        assert (await socket.receive())["type"] == "delta"


async def test_the_first_after_a_quiet_time_goes_at_once_and_what_follows_is_one_message() -> None:
    publisher = Publisher()
    async with page({"topic": "logs"}) as socket:
        publisher.committed(Committed(logs=1))
        first = await socket.receive()
        for _ in range(100):
            publisher.committed(Committed(logs=2))
            await asyncio.sleep(0)
        second = await socket.receive()
        assert (first["data"]["count"], second["data"]["count"]) == (1, 200)
        assert second["seq"] == first["seq"] + 1
        assert await socket.hears_nothing()


async def test_a_page_of_one_trace_does_not_wait_for_the_messages_of_others() -> None:
    publisher = Publisher()
    own = {"topic": "trace", "params": {"trace_id": TRACE}}
    async with page({"topic": "traces"}) as every, page(own) as single:
        publisher.committed(Committed(spans=1, trace_ids={OTHER}))
        await every.receive()
        publisher.committed(Committed(spans=1, trace_ids={TRACE}))
        hears, hears_later = (asyncio.create_task(socket.receive()) for socket in (single, every))
        await asyncio.wait({hears, hears_later}, return_when=asyncio.FIRST_COMPLETED)
        assert (hears.done(), hears_later.done()) == (True, False)
        await hears_later


def layer() -> Any:
    found = get_channel_layer()
    assert found is not None
    return found


def message(publisher: str, seq: int, topic: str = "logs", **data: Any) -> dict[str, Any]:
    data = {"count": 1, "complete": True} | data
    return {"type": "live.message", "publisher": publisher, "topic": topic, "seq": seq, "data": data}


async def test_a_message_lost_on_the_way_makes_the_next_one_a_reset() -> None:
    async with page({"topic": "logs"}) as socket:
        await layer().group_send(group_of("logs"), message("a", 1))
        assert (await socket.receive())["type"] == "delta"
        await layer().group_send(group_of("logs"), message("a", 3))
        assert (await socket.receive())["type"] == "reset"


async def test_each_of_several_processes_counts_for_itself() -> None:
    async with page({"topic": "logs"}) as socket:
        for seq in (7, 8, 9):
            for publisher in ("a", "b"):
                await layer().group_send(group_of("logs"), message(publisher, seq))
        heard = await until_counted(socket, 6)
        assert {one["type"] for one in heard} == {"delta"}
        assert [one["seq"] for one in heard] == list(range(2, 2 + len(heard)))


async def until_counted(socket: Socket, count: int) -> list[Any]:
    """Messages until they have counted that many."""
    heard: list[Any] = []
    while sum(one["data"].get("count", 0) for one in heard) < count:
        heard.append(await socket.receive())
    return heard


async def test_a_page_hears_no_more_than_four_messages_a_second_however_many_publish() -> None:
    async with page({"topic": "logs"}) as socket:
        for seq in range(1, 11):
            for publisher in ("a", "b", "c"):
                await layer().group_send(group_of("logs"), message(publisher, seq))
        assert len(await until_counted(socket, 30)) <= 3


async def test_the_overview_hears_of_traces_and_of_claims_and_not_of_logs() -> None:
    publisher = Publisher()
    async with page({"topic": "overview"}) as socket:
        publisher.committed(Committed(logs=1))
        assert await socket.hears_nothing()
        publisher.committed(Committed(spans=1, trace_ids={TRACE}))
        assert (await socket.receive())["topic"] == "overview"
        claims = Committed()
        claims.tell("claims", ["a"])
        publisher.committed(claims)
        assert (await socket.receive())["topic"] == "overview"


async def test_a_run_page_hears_of_its_own_run_only() -> None:
    publisher = Publisher()
    async with page({"topic": "run", "params": {"id": "3"}}) as socket:
        for number in ("4", "3"):
            told = Committed()
            told.tell("runs", [number])
            publisher.committed(told)
        assert (await socket.receive())["data"]["ids"] == ["3"]


async def test_commits_of_other_processes_make_kept_answers_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish.publisher, "version", 0)
    async with page({"topic": "logs"}) as one, page({"topic": "logs"}) as another:
        await layer().group_send(group_of("logs"), message("a", 5))
        assert [(await socket.receive())["type"] for socket in (one, another)] == ["delta"] * 2
        assert publish.publisher.version == 1


async def test_a_snapshot_says_after_which_commit_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish.publisher, "version", 7)
    socket = Socket(ORIGIN)
    await socket.connect()
    await socket.send({"op": "subscribe", "id": 1, "topic": "logs"})
    assert (await socket.receive())["data"] == {"position": publish.publisher.position}
    publish.publisher.committed(Committed(logs=1))
    assert "position" not in (await socket.receive())["data"]
    await socket.disconnect()


async def test_what_a_process_published_itself_is_not_heard_again() -> None:
    async with page({"topic": "logs"}) as socket:
        await layer().group_send(group_of("logs"), message(publish.publisher.name, 1))
        assert await socket.hears_nothing()


async def test_other_processes_are_told_of_commits_that_come_together_in_one_message(settings: Settings) -> None:
    settings.REDIS_URL = "redis://localhost"  # the layer is in memory all the same
    await layer().group_add(group_of("logs"), "other!process")
    publisher = Publisher()
    for _ in range(100):
        publisher.committed(Committed(logs=2))
    told = await layer().receive("other!process")
    assert (told["topic"], told["seq"], told["data"]["count"]) == ("logs", 1, 200)
    publisher.committed(Committed(logs=1))
    assert (await layer().receive("other!process"))["seq"] == 2
    await layer().group_discard(group_of("logs"), "other!process")


async def test_no_message_overtakes_another_on_its_way_to_other_processes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://localhost"
    sent: list[int] = []
    both = asyncio.Event()

    class Layer:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            if message["seq"] == 1:  # its connection has to be made first
                await asyncio.sleep(0.2)
            if message["seq"] == 2:
                raise OSError("away")  # costs this message only
            sent.append(message["seq"])
            if message["seq"] == 3:
                both.set()

    monkeypatch.setattr(publish, "channel_layer", Layer)
    monkeypatch.setattr(publish, "LAYER_INTERVAL_S", 0.0)
    publisher = Publisher()
    for seq in (1, 2, 3):
        publisher.committed(Committed(logs=1))
        while publisher._seq["logs"] < seq:
            await asyncio.sleep(0)
    await asyncio.wait_for(both.wait(), 20)
    assert sent == [1, 3]


async def test_when_the_layer_begins_anew_pages_fetch_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.relay.AFTER_FAILURE_S", 0.0)
    async with page({"topic": "logs"}) as socket:
        layer().groups.clear()
        await relay()._begin_again()
        assert (await socket.receive())["type"] == "reset"
        await layer().group_send(group_of("logs"), message("a", 1))
        assert (await socket.receive())["type"] == "delta"


async def test_a_page_that_is_gone_is_told_nothing() -> None:
    async with page({"topic": "logs"}):
        assert publish._listening[group_of("logs")]
    assert not publish._listening[group_of("logs")]
    assert group_of("logs") not in layer().groups


async def test_a_page_that_leaves_while_the_layer_is_away_is_told_nothing_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(group: str, channel: str) -> None:
        raise ConnectionError

    async with page({"topic": "logs"}, {"topic": "metrics"}):
        monkeypatch.setattr(layer(), "group_discard", away)
    assert not publish._listening[group_of("logs")]
    assert not publish._listening[group_of("metrics")]


async def test_who_does_not_read_is_dropped_and_the_others_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.consumers.SEND_TIMEOUT_S", 0.2)
    publisher, stuck = Publisher(), asyncio.Event()
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    await incoming.put({"type": "websocket.connect"})
    await incoming.put({"type": "websocket.receive", "text": '{"op": "subscribe", "id": 1, "topic": "logs"}'})

    async def send(event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            await stuck.wait()  # as a transport whose buffer is full

    application: Any = LiveConsumer.as_asgi()
    silent = asyncio.create_task(application(scope(ORIGIN), incoming.get, send))
    async with page({"topic": "logs"}) as socket:
        publisher.committed(Committed(logs=1))
        assert (await socket.receive())["type"] == "delta"
        await asyncio.wait_for(silent, 20)
        publisher.committed(Committed(logs=1))
        assert (await socket.receive())["type"] == "delta"


async def test_who_asks_faster_than_it_reads_is_dropped() -> None:
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    await incoming.put({"type": "websocket.connect"})
    for _ in range(200):
        await incoming.put({"type": "websocket.receive", "text": "{}"})
    stuck = asyncio.Event()

    async def send(event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            await stuck.wait()

    application: Any = LiveConsumer.as_asgi()
    await asyncio.wait_for(application(scope(ORIGIN), incoming.get, send), 20)


async def test_an_unsubscribed_topic_is_silent() -> None:
    publisher = Publisher()
    async with page({"topic": "logs"}) as socket:
        await socket.send({"op": "unsubscribe", "id": 1})
        assert await socket.hears_nothing()
        publisher.committed(Committed(logs=1))
        assert await socket.hears_nothing()


@pytest.mark.parametrize(
    "message",
    [
        [],
        {"op": "subscribe", "topic": "logs"},
        {"op": "subscribe", "id": 1, "topic": "secrets"},
        {"op": "subscribe", "id": 1, "topic": ["logs"]},
        {"op": "shout", "id": 1, "topic": "logs"},
        {"op": "subscribe", "id": 1, "topic": "trace", "params": [1]},
        {"op": "subscribe", "id": 1, "topic": "trace", "params": {"trace_id": [TRACE]}},  # a set cannot be asked for it
        {"op": "subscribe", "id": 1, "topic": "claim"},
    ],
)
async def test_a_message_that_makes_no_sense_gets_an_error_and_nothing_else(message: Any) -> None:
    async with page() as socket:
        await socket.send(message)
        assert (await socket.receive())["type"] == "error"
        await socket.send({"op": "subscribe", "id": 7, "topic": "logs"})
        assert (await socket.receive())["type"] == "snapshot"


async def test_text_that_is_not_json_gets_an_error_and_nothing_else() -> None:
    async with page() as socket:
        await socket.send_raw(text="{nonsense")
        assert (await socket.receive())["type"] == "error"
        await socket.send_raw(bytes=b"\x00\xff")
        assert (await socket.receive())["type"] == "error"


async def closed_with(headers: list[tuple[bytes, bytes]]) -> Any:
    socket = Socket(headers)
    await socket.connect()
    code = await socket.closed_with()
    await socket.send({"op": "subscribe", "id": 1, "topic": "logs"})  # on its way before the close arrived
    assert await socket.hears_nothing()
    return code


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b"http://["])
async def test_a_page_of_another_site_is_closed_with_4403(origin: bytes) -> None:
    assert await closed_with([(b"host", b"localhost:8000"), (b"origin", origin)]) == WRONG_ORIGIN


async def test_a_page_without_login_is_closed_with_4401(settings: Settings) -> None:
    settings.DASHBOARD_TOKEN = "secret"
    assert await closed_with(ORIGIN) == NO_LOGIN
