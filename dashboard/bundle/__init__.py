"""Bundles: a trace, a claim, a run or a range of time as one file, which another dashboard opens as it was seen here.

In the order data takes:
    chosen    what a URL or a command asks for: which traces, claims, runs; or everything in a range
    packed    that as gzip of JSON lines, in memory that stays the same
"""

from dashboard.bundle.chosen import KINDS, Chosen, choose
from dashboard.bundle.packed import packed

__all__ = ["KINDS", "Chosen", "choose", "packed"]
