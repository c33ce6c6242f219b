"""A long CSV goes on in a process of its own, as long as a client takes it.

Before: `views.export` has written the first rows, and more are to come. After: `manage.py write_rest` is told where to
go on, and writes bytes that are passed on to the client as they are.

In the server's own threads each row would be made under the lock that decoding and writing wait for as well: beside one
download, 60 % fewer spans were received. The process is given the processor when the server does not want it, and takes
its memory with it when it ends.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator
from contextlib import suppress

import orjson

from dashboard import child_process
from dashboard.export import Rest
from dashboard.packed import Packer

MAX_WRITERS = 4  # some 100 MB each
PIPE_BYTES = 1 << 20
READ_BYTES = 1 << 18
# A client that takes nothing for so long is gone, or asleep: its place is somebody else's.
STALL_TIMEOUT_S = 60.0

_places = asyncio.Semaphore(MAX_WRITERS)


class WriterFailed(RuntimeError):
    """The process ended before the list did; what went wrong it has said on standard error."""


def busy() -> bool:
    """Whether as many are at work as may be. From any thread."""
    return _places.locked()


async def rest_of(rest: Rest, packer: Packer | None) -> AsyncGenerator[bytes]:
    """What is left of an export, packed on if it was packed before. Raises WriterFailed; the process ends with it."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=READ_BYTES)
    async with _places:
        process, pipe = _start(rest, packer), None
        try:
            pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
            while chunk := await reader.read(READ_BYTES):
                stalled = loop.call_later(STALL_TIMEOUT_S, process.kill)
                try:
                    yield chunk
                finally:
                    stalled.cancel()
            if status := await asyncio.to_thread(process.wait):
                raise WriterFailed(f"what writes {rest.name}.csv ended with status {status}")
        finally:
            process.kill()
            if pipe is not None:
                pipe.close()  # of what waits to be read no end is seen: it would stay open with all that is in it
            await asyncio.to_thread(process.wait)


def _start(rest: Rest, packer: Packer | None) -> subprocess.Popen[bytes]:
    # Not asyncio's, as `child_process.start` says. Not in a thread: a client that leaves meanwhile would leave it
    # running. A process group of its own, since Ctrl-C in the terminal is for the server; no session of its own, since
    # between sessions Linux shares out the processor whatever their niceness.
    process = subprocess.Popen(
        child_process.command("write_rest"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pipesize=PIPE_BYTES,
        process_group=0,
    )
    assert process.stdin is not None
    with suppress(OSError):  # it ended at once: its status says so
        process.stdin.write(_told(rest, packer))  # fits in the pipe: nobody waits
        process.stdin.close()
    return process


def _told(rest: Rest, packer: Packer | None) -> bytes:
    packed = None if packer is None else (packer.crc, packer.length)
    return orjson.dumps({"name": rest.name, "query": rest.query, "newest_id": rest.newest_id, "packed": packed})
