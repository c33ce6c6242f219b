"""Durations counted in logarithmic buckets: small to keep, quick to add, percentiles within 2.2 %. Plain Python.

Before: `rollup` has durations, or rows that hold packed counts. After: percentiles and heatmaps of any of them.

The buckets are those of OTLP's exponential histograms at scale 4: sixteen to each doubling, bucket i holding what is
above base**i and not above base**(i + 1). A position here is i + 2, so that position 0 can hold what has no logarithm:
durations of zero, and negative ones, whose clock was set back while they ran.

Counts to be added are one big number with a digit of 64 bits for each position: adding two such numbers adds all their
buckets at once, in C. A hundred buckets take 0.2 us that way, and 6 us as a dict. No sum of counts reaches 2**64.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

BUCKETS_A_DOUBLING = 16
POSITIONS = 63 * BUCKETS_A_DOUBLING + 2  # up to 2**63 ns
RELATIVE_ERROR = (2 ** (1 / BUCKETS_A_DOUBLING) - 1) / (2 ** (1 / BUCKETS_A_DOUBLING) + 1)  # 2.17 %
DIGIT_BITS, DIGIT_BYTES = 64, 8

# A packed row: the first filled position, the width of a count in bytes, the counts from there to the last filled one.
WIDTHS = {1: "B", 2: "H", 4: "I", 8: "Q"}  # bytes a count: array's code
FEW_ROWS = 5  # for which adding them otherwise than one by one is no gain
HEADER_BYTES = 3  # the first position in two bytes, the width in one


def position(duration_ns: int) -> int:
    """The bucket a duration is counted in."""
    return math.ceil(math.log2(duration_ns) * BUCKETS_A_DOUBLING) + 1 if duration_ns > 0 else 0


UPPERS_NS: list[float] = [0.0, *(2.0 ** ((at - 1) / BUCKETS_A_DOUBLING) for at in range(1, POSITIONS + 1))]


def upper_ns(at: int) -> float:
    """The longest duration that a bucket holds."""
    return UPPERS_NS[at]


def _middle_ns(at: int) -> float:
    """The value that is nowhere further from what the bucket holds than RELATIVE_ERROR."""
    lower, upper = upper_ns(at - 1) if at > 1 else 1.0, upper_ns(at)
    return 2 * lower * upper / (lower + upper) if at else 0.0


MIDDLES_NS = [round(_middle_ns(at)) for at in range(POSITIONS)]


def pack(counts: Mapping[int, int]) -> bytes:
    """Counts by position, as a row keeps them: some 60 bytes for a usual spread."""
    return add(b"", counts)[0] if counts else b""


def add(packed: bytes, counts: Mapping[int, int]) -> tuple[bytes, int]:
    """(the packed counts with more added, how many that were). Negative counts are taken away, as far as there are."""
    first, row = _row(packed)
    low, high = min(counts), max(counts)
    if not row:
        first = low
    elif low < first:
        row[:0] = [0] * (first - low)
        first = low
    row += [0] * (high - first - len(row) + 1)
    added = 0
    for at, count in counts.items():
        count = max(count, -row[at - first])
        row[at - first] += count
        added += count
    while row and not row[-1]:
        row.pop()
    return _packed(first, row), added


def longest_ns(packed: bytes) -> int:
    """The longest duration the highest bucket holds."""
    first, row = _row(packed)
    return round(upper_ns(first + len(row) - 1)) if row else 0


def _row(packed: bytes) -> tuple[int, list[int]]:
    """(the first position, the counts from there on)."""
    if not packed:
        return 0, []
    row = array(WIDTHS[packed[2]])
    row.frombytes(packed[HEADER_BYTES:])
    return packed[0] | packed[1] << 8, _little(row).tolist()


def _packed(first: int, row: Sequence[int]) -> bytes:
    if not row:
        return b""
    most = max(row)
    width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4 if most < 1 << 32 else 8
    return first.to_bytes(2, "little") + bytes((width,)) + _little(array(WIDTHS[width], row)).tobytes()


def unpack(packed: bytes) -> dict[int, int]:
    """What `pack` was given, without the empty buckets between."""
    first, row = _row(packed)
    return {first + index: count for index, count in enumerate(row) if count}


def number_of(packed: bytes) -> int:
    """The packed counts as the number that adds: each widened to a digit, at its place."""
    if not packed:
        return 0
    return _widened(packed[HEADER_BYTES:], packed[2], DIGIT_BYTES) << DIGIT_BITS * (packed[0] | packed[1] << 8)


def sum_of(rows: Sequence[bytes]) -> int:
    """The sum of the numbers of packed counts (none of them empty), in a third of the time.

    They are added as they are, every second count with the room of its neighbour, which holds the sum of at least 256
    of them, from the lowest position on; the sums are widened once.
    """
    if len(rows) < FEW_ROWS:
        return sum(map(number_of, rows))
    lowest = min([packed[0] | packed[1] << 8 for packed in rows])
    by_width: dict[int, list[bytes]] = {}
    for packed in rows:
        by_width.setdefault(packed[2], []).append(packed)
    total = 0
    for width, group in by_width.items():
        for at in range(0, len(group), 256**width):
            total += _sum_of_alike(group[at : at + 256**width], width, lowest)
    return total << DIGIT_BITS * lowest


def _sum_of_alike(rows: Sequence[bytes], width: int, lowest: int) -> int:
    """The sum of no more than 256**width rows of that width, as a number whose first digit is the position `lowest`."""
    bits = 8 * width
    evens = _every_second(width)
    even = odd = 0
    for packed in rows:
        counts = int.from_bytes(packed[HEADER_BYTES:], "little") << bits * ((packed[0] | packed[1] << 8) - lowest)
        even += counts & evens
        odd += counts >> bits & evens
    apart = 2 * DIGIT_BITS
    return _spread(even, 2 * width, apart // 8) + (_spread(odd, 2 * width, apart // 8) << DIGIT_BITS)


@lru_cache(maxsize=len(WIDTHS))
def _every_second(width: int) -> int:
    """A mask of every second count of that width."""
    return int.from_bytes((b"\xff" * width + bytes(width)) * (POSITIONS // 2 + 1), "little")


def _spread(sums: int, width: int, digit_bytes: int) -> int:
    """A number with digits of `width` bytes as one with digits of `digit_bytes`."""
    return _widened(sums.to_bytes(-(-sums.bit_length() // (8 * width)) * width, "little"), width, digit_bytes)


def _widened(counts: bytes, width: int, digit_bytes: int) -> int:
    """Counts of so many bytes as a number with digits of so many."""
    wide = bytearray(len(counts) // width * digit_bytes)
    for part in range(width):  # all first bytes, all second ones, ...: each a copy in C
        wide[part::digit_bytes] = counts[part::width]
    return int.from_bytes(wide, "little")


def number_of_counts(counts: Mapping[int, int]) -> int:
    """The same of counts by position, of which some may be negative: what is taken back."""
    return sum(count << DIGIT_BITS * at for at, count in counts.items())


def _little(row: array[int]) -> array[int]:
    """Little endian on every machine."""
    if array("H", (1,)).tobytes()[0] != 1:
        row.byteswap()
    return row


@dataclass(slots=True)
class Histogram:
    """What was counted. `max_ns` is exact, but for what was taken back: then it is within its bucket."""

    count: int = 0
    max_ns: int = 0
    number: int = 0
    _ranks: tuple[int, list[int]] | None = field(default=None, repr=False, compare=False)

    def add(self, count: int, max_ns: int, number: int) -> None:
        """Counts more."""
        self.count += count
        self.number += number
        self._ranks = None
        if max_ns > self.max_ns:
            self.max_ns = max_ns

    def merge(self, other: Histogram) -> None:
        """Counts what another has counted."""
        self.add(other.count, other.max_ns, other.number)

    def counts(self) -> tuple[int, Sequence[int]]:
        """(the first filled position, the counts from there on)."""
        if self.number <= 0:
            return 0, ()
        first = ((self.number & -self.number).bit_length() - 1) // DIGIT_BITS
        digits = self.number >> first * DIGIT_BITS
        size = (digits.bit_length() + DIGIT_BITS - 1) // DIGIT_BITS * DIGIT_BYTES
        row = array("Q")
        row.frombytes(digits.to_bytes(size, "little"))
        return first, _little(row)

    def ranks(self) -> tuple[int, list[int]]:
        """(the first filled position, how many lie in it and below it, and so for each from there on)."""
        if self._ranks is None:
            first, counts = self.counts()
            self._ranks = first, list(accumulate(counts))
        return self._ranks

    def percentiles(self, wanted: Sequence[float]) -> list[int | None]:
        """In ns, each the value of that rank (0 < q <= 1) within RELATIVE_ERROR, or 1 ns; None of nothing."""
        first, ranks = self.ranks()
        if not ranks:
            return [None] * len(wanted)
        found: list[int | None] = []
        for q in wanted:
            at = bisect_left(ranks, max(1, math.ceil(q * ranks[-1] - 1e-9)))
            found.append(min(MIDDLES_NS[first + at], self.max_ns))
        return found
