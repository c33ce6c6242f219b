"""Lines of a bundle, read back: versions of objects of their own cluster, and what else is to be kept.

Before: `collector.files` found them in a file. After: `file_objects` keeps them. A bundle is a stranger's file like any
other: what does not have the shape we write is refused, line by line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from sandboxes.bundle.lines import MARK, VERSION
from sandboxes.bundle.runs import RunRow, SandboxRow, read_run, read_run_sandbox
from sandboxes.bundle.stories import read_story
from sandboxes.objects import MAX_TIME_NS, MAX_UID_CHARS, RESOURCES, Malformed, sound_change
from sandboxes.records import Change, ChangeType, ClusterIdentity, Kind, Lifecycle
from sandboxes.store import IMPORTED
from sandboxes.versions import as_json

MAX_NAME_CHARS = 253
CHANGES = frozenset(ChangeType)


class Met(NamedTuple):
    """A version of an object, and of which cluster."""

    cluster: ClusterIdentity
    change: Change


class Story(NamedTuple):
    """A claim's story, and of which cluster; None: known from telemetry alone."""

    cluster: ClusterIdentity | None
    lifecycle: Lifecycle


class Bundled:
    """The lines of one bundle, in their order."""

    def __init__(self) -> None:
        self._clusters: dict[str, ClusterIdentity] = {IMPORTED.uid: IMPORTED}

    def read(self, line: Mapping[str, Any]) -> Met | Story | RunRow | SandboxRow | None:
        """What a line tells; None: nothing to keep. Raises Malformed."""
        kind, value = line.get("type"), line.get("object")
        if not isinstance(value, dict):
            raise Malformed("a line of a bundle without an object")
        if line.get(MARK) != VERSION:
            raise Malformed("a bundle of a newer version: update this dashboard to read it")
        if kind in CHANGES:
            return self._version(ChangeType(kind), line, value)
        value = orjson.loads(as_json(value))  # what no database takes is gone
        if kind == "CLUSTER":
            self._know(value)
        elif kind == "CLAIM":
            return Story(self._cluster(line) if line.get("cluster") else None, read_story(value))
        elif kind == "RUN":
            return read_run(value)
        elif kind == "RUN_SANDBOX":
            return read_run_sandbox(value)
        elif kind != "BUNDLE":
            raise Malformed(f"a line of a bundle of the type {str(kind)[:40]!r}")
        return None

    def _know(self, value: Mapping[str, Any]) -> None:
        uid, name, api_version = (value.get(key) for key in ("uid", "name", "api_version"))
        if not (_is_name(uid, MAX_UID_CHARS) and _is_name(name, MAX_NAME_CHARS) and _is_name(api_version, 40)):
            raise Malformed("a cluster without a sound uid, name and api_version")
        if uid != IMPORTED.uid:
            self._clusters[str(uid)] = ClusterIdentity(str(uid), str(name), str(api_version))

    def _cluster(self, line: Mapping[str, Any]) -> ClusterIdentity:
        found = self._clusters.get(str(line.get("cluster")))
        if found is None:
            raise Malformed("of a cluster that the bundle does not name before")
        return found

    def _version(self, how: ChangeType, line: Mapping[str, Any], value: Mapping[str, Any]) -> Met:
        kind = _kind(line)
        if line.get("from_list") is True:
            how = ChangeType.LISTED
        received_ns, after_ns = line.get("received_unix_nano"), line.get("after_unix_nano")
        if not _is_time(received_ns) or not (after_ns is None or _is_time(after_ns)):
            raise Malformed("received_unix_nano or after_unix_nano is no time")
        assert isinstance(received_ns, int)
        return Met(self._cluster(line), sound_change(kind, how, received_ns, value, after_ns))


def _kind(line: Mapping[str, Any]) -> Kind:
    name = line.get("resource")
    kind = RESOURCES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Malformed("an object of a resource that is no business of claims")
    return kind


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TIME_NS


def _is_name(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
