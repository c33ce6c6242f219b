"""A cluster that keeps claims in memory: what the engine does to one, and when. The real one is in tests/cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandboxes.cluster import Unreachable
from sandboxes.trigger import Ran


class Deleted(Exception):
    """What the SDK raises when the claim it waits for is deleted."""


class MemorySandbox:
    def __init__(self, cluster: MemoryCluster, name: str) -> None:
        self._cluster, self.name = cluster, name
        self._files: dict[str, str] = {}

    def run(self, command: str) -> Ran:
        self._cluster.commands.append((self.name, command))
        return self._cluster.answer(command)

    def write(self, path: str, content: str) -> None:
        self._files[path] = content

    def read(self, path: str) -> bytes:
        return self._files[path].encode()

    def close(self) -> None:
        self._cluster.closed.append(self.name)

    def delete(self) -> None:
        self._cluster.delete(self.name)


class MemoryCluster:
    """`when_claimed(name)` may wait, or raise what the SDK would."""

    def __init__(self, when_claimed: Callable[[str], None] = lambda name: None) -> None:
        self.when_claimed = when_claimed
        self.answer: Callable[[str], Ran] = lambda command: Ran(0, command, "", False)
        self.there: set[str] = set()
        self.most_at_once = 0
        self.commands: list[tuple[str, str]] = []
        self.closed: list[str] = []
        self.deletions: list[str] = []
        self.refusals = 0  # of deletions still to come
        self._lock = threading.Lock()

    @contextmanager
    def traced(self, number: int, claim: str) -> Iterator[str]:
        yield f"{number:032x}"

    def claim(self, name: str) -> MemorySandbox:
        with self._lock:
            self.there.add(name)
            self.most_at_once = max(self.most_at_once, len(self.there))
        self.when_claimed(name)
        return MemorySandbox(self, name)

    def delete(self, name: str) -> None:
        with self._lock:
            if self.refusals:
                self.refusals -= 1
                raise Unreachable("the API server is away")
            self.deletions.append(name)
            self.there.discard(name)

    def left(self) -> list[str]:
        return sorted(self.there)
