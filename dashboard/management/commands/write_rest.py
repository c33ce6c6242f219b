"""`manage.py write_rest`: writes the rest of a CSV whose first rows the server wrote; the server starts it.

Before: `dashboard.export_writer` says on standard input where to go on. After: it passes the bytes on to the client.
A status other than 0 tells it that rows are missing.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import orjson
from django.core.management.base import BaseCommand
from django.http import QueryDict

from dashboard.export import Rest, parse_export, pieces
from dashboard.packed import Packer

NICENESS = 10  # of 0 to 19: receiving goes first. Only now that it has started, which somebody waits for


class Command(BaseCommand):
    """Reads one JSON object: name, query, newest_id; packed is (checksum, length) so far, or null."""

    help = "Writes the rest of a CSV that the server began; the server starts it by itself."
    requires_system_checks = []  # the server has made them

    def handle(self, *args: Any, **options: Any) -> None:
        os.nice(NICENESS)
        told = orjson.loads(sys.stdin.buffer.read())
        rest = Rest(told["name"], parse_export(told["name"], QueryDict(told["query"])), told["newest_id"])
        packer = Packer(*told["packed"]) if told["packed"] else None
        try:
            for piece in pieces(rest):
                sys.stdout.buffer.write(packer.pack(piece.lines) if packer else piece.lines)
            if packer:
                sys.stdout.buffer.write(packer.end())
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # nobody wants it any more
            sys.stderr.close()
            raise SystemExit(1) from None
