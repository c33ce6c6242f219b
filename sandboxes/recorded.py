"""Recorded watch streams and what `kubectl get -o json` prints, as changes. Plain Python.

Before: `collector.files` found the JSON objects in a file. After: `store` keeps the changes. So people without rights
on a cluster see the same pages.

A line of a watch stream is {"received_unix_nano", "resource", "type", "object"}. ADDED, MODIFIED, DELETED, BOOKMARK and
ERROR are the API server's; LIST (whose `count` objects follow as ADDED with `from_list`), DISCONNECT and RECONNECT the
recorder's. `kubectl get --watch --output-watch-events -o json` prints lines with `type` and `object` alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from sandboxes.objects import MAX_TIME_NS, RESOURCES, Malformed, Present, change, kind_of, mapping
from sandboxes.records import Change, ChangeType, Kind

CHANGES = {"ADDED": ChangeType.ADDED, "MODIFIED": ChangeType.MODIFIED, "DELETED": ChangeType.DELETED}
MARKS = frozenset({"LIST", "BOOKMARK", "ERROR", "DISCONNECT", "RECONNECT", "REQUEST", "COMPACTED"})


class Recording:
    """Reads one stream, object by object, in its order."""

    def __init__(self, now_ns: int | None = None) -> None:
        """`now_ns`: when what carries no time of its own counts as received."""
        self._now_ns = time.time_ns() if now_ns is None else now_ns
        self._resources: dict[str, _Resource] = {}
        self.others = 0  # objects read that are no business of claims

    def read(self, value: Mapping[str, Any]) -> list[Change]:
        """The changes that one JSON object of a file tells. Raises Malformed, and can go on after it."""
        if isinstance(value.get("type"), str) and "object" in value:
            return self._read_line(value)
        items = value.get("items")
        if isinstance(items, list):
            return [found for item in items if (found := self._listed(item))]
        found = self._listed(value)
        return [found] if found else []

    def _listed(self, value: object) -> Change | None:
        """Of a list by kubectl: it was there, and nobody wrote down when."""
        if not isinstance(value, dict):
            raise Malformed("an item of a list that is no object")
        kind = kind_of(value)
        found = change(kind, ChangeType.LISTED, self._now_ns, value) if kind else None
        self.others += found is None
        return found

    def _read_line(self, line: Mapping[str, Any]) -> list[Change]:
        value, how = line["object"], line["type"]
        if how not in CHANGES and how not in MARKS:
            raise Malformed(f"a watch event of type {how[:40]!r}")
        received_ns = line.get("received_unix_nano")
        if received_ns is None:
            return self._undated(how, value)
        if not isinstance(received_ns, int) or isinstance(received_ns, bool) or not 0 <= received_ns <= MAX_TIME_NS:
            raise Malformed("received_unix_nano is no time")
        name = line.get("resource")
        kind = RESOURCES.get(name) if isinstance(name, str) else None
        if kind is None:
            self.others += how in CHANGES
            return []
        resource = self._resources.setdefault(str(name), _Resource(kind))
        if how in CHANGES:
            return self._read_change(resource, CHANGES[how], received_ns, line)
        if how == "LIST":
            return resource.begin_list(line.get("count"), received_ns)
        if how == "BOOKMARK":
            resource.present.last_ns = received_ns
        return []

    def _read_change(
        self, resource: _Resource, how: ChangeType, received_ns: int, line: Mapping[str, Any]
    ) -> list[Change]:
        value = line["object"]
        if not isinstance(value, dict):
            raise Malformed("a watch event without an object")
        from_list = line.get("from_list") is True
        if from_list:
            resource.count_listed(mapping(value, "metadata").get("uid"))
            how = ChangeType.LISTED
        found = change(resource.kind, how, received_ns, value)
        self.others += found is None
        changes = [found] if found else []
        if from_list:
            changes += resource.end_list()
        if found:
            resource.present.take(found)
            if found.kind == Kind.EVENT and how == ChangeType.DELETED:
                return []  # Events end by themselves after an hour
        return changes

    def _undated(self, how: str, value: object) -> list[Change]:
        """A line without a time says that an object is there, or that it is not any more."""
        if how not in CHANGES:
            return []
        found = self._listed(value)
        if found is None or (how == "DELETED" and found.kind == Kind.EVENT):
            return []
        if how == "DELETED":
            found = Change(ChangeType.GONE, found.kind, found.received_ns, found.object)
        return [found]


class _Resource:
    """The state of one resource's stream."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.present = Present()
        self._awaited = 0  # objects of the list that still have to come
        self._listed: set[str] = set()
        self._listed_ns = 0
        self._known_ns: int | None = None

    def begin_list(self, count: object, received_ns: int) -> list[Change]:
        self._listed, self._listed_ns, self._known_ns = set(), received_ns, self.present.last_ns
        self._awaited = count if isinstance(count, int) and count > 0 else 0
        return self.end_list() if count == 0 else []

    def count_listed(self, uid: object) -> None:
        self._awaited -= 1
        if isinstance(uid, str):
            self._listed.add(uid)

    def end_list(self) -> list[Change]:
        """What is gone, once the list is whole."""
        if self._awaited:
            return []
        return self.present.missing(self._listed, self._listed_ns, self._known_ns)


def read_changes(lines: Iterable[bytes], now_ns: int | None = None) -> Iterator[Change]:
    """All changes of a stream in JSON lines; what is malformed is left out."""
    recording = Recording(now_ns)
    for line in lines:
        try:
            value = orjson.loads(line)
            changes = recording.read(value) if isinstance(value, dict) else []
        except (Malformed, orjson.JSONDecodeError):
            continue
        yield from changes
