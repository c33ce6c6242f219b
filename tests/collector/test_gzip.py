"""Packed bodies: unpacked whole or refused, and never beyond the limit."""

from __future__ import annotations

import gzip
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.gzip import MAX_MEMBERS, SLICE_BYTES, STEP_BYTES, BadGzip, TooLarge, unpack

LIMIT_BYTES = 8 * 1024 * 1024


@given(st.lists(st.binary(max_size=2_000), min_size=1, max_size=5), st.integers(0, 9))
def test_members_one_after_the_other_are_one_body(parts: list[bytes], level: int) -> None:
    packed = b"".join(gzip.compress(part, level) for part in parts)
    assert unpack(packed, LIMIT_BYTES) == b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, SLICE_BYTES, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES + 5])
@pytest.mark.parametrize("make", [bytes, os.urandom])
def test_every_size_comes_out_whole(size: int, make: type[bytes]) -> None:
    body = make(size)
    assert unpack(gzip.compress(body), LIMIT_BYTES) == body


def test_a_member_may_end_anywhere_in_a_slice() -> None:
    first = gzip.compress(os.urandom(SLICE_BYTES), 0)
    for cut in range(len(first) - SLICE_BYTES - 2, len(first) - SLICE_BYTES + 12):
        body = os.urandom(SLICE_BYTES - cut)
        assert unpack(gzip.compress(body, 0) + gzip.compress(b"end"), LIMIT_BYTES) == body + b"end"


def test_exactly_the_limit_fits_and_one_byte_more_does_not() -> None:
    assert len(unpack(gzip.compress(bytes(LIMIT_BYTES)), LIMIT_BYTES)) == LIMIT_BYTES
    with pytest.raises(TooLarge):
        unpack(gzip.compress(bytes(LIMIT_BYTES + 1)), LIMIT_BYTES)


def test_the_limit_counts_all_members_together() -> None:
    with pytest.raises(TooLarge):
        unpack(gzip.compress(bytes(LIMIT_BYTES // 2 + 1)) * 2, LIMIT_BYTES)


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    """A gigabyte in a megabyte: what is held is the limit and a step, which a small limit shows."""
    bomb = zlib.compressobj(9, wbits=31)
    packed = b"".join(bomb.compress(bytes(STEP_BYTES)) for _ in range(64)) + bomb.flush()
    with pytest.raises(TooLarge):
        unpack(packed, 1_000)


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_body_cut_short_is_refused(keep: float) -> None:
    packed = gzip.compress(os.urandom(200_000))
    with pytest.raises(BadGzip, match="cut short"):
        unpack(packed[: max(1, int(len(packed) * keep))], LIMIT_BYTES)


def test_no_body_at_all_unpacks_to_nothing() -> None:
    assert unpack(b"", LIMIT_BYTES) == b""


@pytest.mark.parametrize(
    "packed", [b"hello", b"\x00" * 20, gzip.compress(b"good", mtime=0) + b"rubbish", zlib.compress(b"zlib")]
)
def test_what_is_not_gzip_is_refused_with_a_sentence(packed: bytes) -> None:
    with pytest.raises(BadGzip, match="not valid gzip"):
        unpack(packed, LIMIT_BYTES)


def test_a_damaged_body_is_refused() -> None:
    packed = bytearray(gzip.compress(os.urandom(10_000)))
    packed[-6] ^= 1  # the checksum
    with pytest.raises(BadGzip):
        unpack(bytes(packed), LIMIT_BYTES)


def test_zeros_after_the_last_member_are_padding() -> None:
    assert unpack(gzip.compress(b"padded") + bytes(SLICE_BYTES + 512), LIMIT_BYTES) == b"padded"


def test_endless_empty_members_are_refused() -> None:
    empty = gzip.compress(b"")
    assert unpack(empty * MAX_MEMBERS, LIMIT_BYTES) == b""
    with pytest.raises(BadGzip, match="members"):
        unpack(empty * (MAX_MEMBERS + 1), LIMIT_BYTES)
