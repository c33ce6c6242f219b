"""The objects of a cluster that a file holds, into the database: what `collector.importing` hands them to.

Before: `collector.files` found them among the file's JSON. After: `store` has kept them.
"""

from __future__ import annotations

from typing import Any

from collector.importing import Taken
from sandboxes.recorded import Recording
from sandboxes.records import Change
from sandboxes.store import IMPORTED, save_changes

PORTION = 200  # changes a transaction: beside them telemetry waits for its turn


class FileObjects:
    """One file's objects, in their order; kept in portions, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._recording = Recording()
        self._waiting: list[Change] = []

    def take(self, value: dict[str, Any]) -> Taken:
        """Takes a line of a watch stream, an object or a list. Raises Malformed, or Unavailable."""
        before = self._recording.others
        changes = self._recording.read(value)
        self._waiting += changes
        new = 0
        while len(self._waiting) >= PORTION:
            new += self._keep()
        return Taken(len(changes), new, self._recording.others - before)

    def settle(self) -> Taken:
        """Keeps the last of them."""
        return Taken(0, self._keep())

    def _keep(self) -> int:
        portion = self._waiting[:PORTION]
        new = save_changes(IMPORTED, portion).new if portion else 0
        del self._waiting[:PORTION]
        return new
