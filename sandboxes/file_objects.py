"""The objects of a cluster that a file holds, into the database: what `collector.importing` hands them to.

Before: `collector.files` found them among the file's JSON. After: `store` has kept them; of a bundle also claims'
stories and runs (`bundle`), each where the bundle says it is from.
"""

from __future__ import annotations

from functools import partial
from itertools import takewhile
from typing import Any

from collector.importing import Taken
from collector.ingest import ingest
from sandboxes.bundle.lines import MARK
from sandboxes.bundle.reading import Bundled, Met, Story
from sandboxes.bundle.runs import RunRow, keep_run, keep_run_sandbox
from sandboxes.recorded import Recording
from sandboxes.store import IMPORTED, keep_story, save_changes

PORTION = 200  # changes a transaction: beside them telemetry waits for its turn


class FileObjects:
    """One file's objects, in their order; kept in portions, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._recording = Recording()
        self._bundled = Bundled()
        self._waiting: list[Met] = []

    def take(self, value: dict[str, Any]) -> Taken:
        """Takes a line of a watch stream or a bundle, an object or a list. Raises Malformed, or Unavailable."""
        if MARK in value:
            return self._take_bundled(value)
        before = self._recording.others
        changes = self._recording.read(value)
        self._waiting += [Met(IMPORTED, change) for change in changes]
        return Taken(len(changes), self._keep_full(), self._recording.others - before)

    def settle(self) -> Taken:
        """Keeps the last of them."""
        return Taken(0, self._keep_all())

    def _take_bundled(self, value: dict[str, Any]) -> Taken:
        found = self._bundled.read(value)
        if found is None:
            return Taken()
        if isinstance(found, Met):
            self._waiting.append(found)
            return Taken(1, self._keep_full())
        new = self._keep_all()  # a story counts only where its objects do not tell it
        if isinstance(found, Story):
            # Derived from what is counted already: an object of its own only where nothing else tells of the claim.
            kept = ingest.run_from_thread(partial(keep_story, found.cluster, found.lifecycle))
        elif isinstance(found, RunRow):
            kept = ingest.run_from_thread(partial(keep_run, found))
        else:
            kept = ingest.run_from_thread(partial(keep_run_sandbox, found))
        return Taken(int(kept or not isinstance(found, Story)), new + kept)

    def _keep_full(self) -> int:
        new = 0
        while len(self._waiting) >= PORTION:
            new += self._keep()
        return new

    def _keep_all(self) -> int:
        new = 0
        while self._waiting:
            new += self._keep()
        return new

    def _keep(self) -> int:
        """The first of them that are of one cluster."""
        cluster = self._waiting[0].cluster
        portion = list(takewhile(lambda met: met.cluster == cluster, self._waiting[:PORTION]))
        del self._waiting[: len(portion)]
        return save_changes(cluster, [met.change for met in portion]).new
