"""Unpacks gzip within a limit: bodies come from anyone, and a kilobyte can unpack to a megabyte.

Before: `http` has a packed body. After: it hands the plain one to `ingest`.
"""

from __future__ import annotations

import zlib

GZIP_WINDOW_BITS = 31  # zlib's way of asking for a gzip header and checksum
SLICE_BYTES = 64 * 1024  # unread input is copied at every step: slices keep that linear
STEP_BYTES = 1024 * 1024
MAX_MEMBERS = 4_096  # 64 MiB of empty members would keep a core busy for a minute


class BadGzip(ValueError):
    """Not gzip, cut short, or damaged; the message is a sentence."""


class TooLarge(ValueError):
    """Unpacks to more than the limit."""


def unpack(packed: bytes, limit_bytes: int) -> bytes:
    """The unpacked bytes of all members one after the other; zero padding after a member is ignored.

    Raises BadGzip or TooLarge; never holds more than `limit_bytes` and one step.
    """
    unpacked = bytearray()
    member, members, padding = None, 0, False
    for start in range(0, len(packed), SLICE_BYTES):
        rest = packed[start : start + SLICE_BYTES]
        while rest:
            if member is None:
                rest = rest.lstrip(b"\0") if padding else rest
                if not rest:
                    break
                member, members = zlib.decompressobj(GZIP_WINDOW_BITS), members + 1
                if members > MAX_MEMBERS:
                    raise BadGzip(f"The gzip body has more than {MAX_MEMBERS} members.")
            rest = _step(member, rest, unpacked, limit_bytes)
            if member.eof:
                member, padding = None, True
    if member is not None:
        raise BadGzip("The gzip body is cut short.")
    return bytes(unpacked)


def _step(member: zlib._Decompress, packed: bytes, unpacked: bytearray, limit_bytes: int) -> bytes:
    """Unpacks one step's worth; returns what is left of `packed`."""
    try:
        unpacked += member.decompress(packed, STEP_BYTES)
    except zlib.error as error:
        raise BadGzip(f"The body is not valid gzip: {error}.") from error
    if len(unpacked) > limit_bytes:
        raise TooLarge
    if member.eof:
        return member.unused_data
    # Full output with all input read: what is still inside comes out with the next slice, or by flushing here.
    while not member.unconsumed_tail and (more := member.decompress(b"", STEP_BYTES)):
        unpacked += more
        if len(unpacked) > limit_bytes:
            raise TooLarge
    return member.unused_data or member.unconsumed_tail
