"""Whatever an object holds, a claim is read: names, messages and annotations are strangers' text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes import lifecycle
from sandboxes.lifecycle import story
from sandboxes.object_fields import read_time
from sandboxes.records import SECOND, Change, ChangeType, Kind, State
from tests.sandboxes.lifecycle.told import around, read

JUNK: list[Any] = [
    None,
    "",
    "text",
    0,
    -1,
    2**70,
    1.5,
    True,
    [],
    [None],
    [[]],
    {},
    {"name": []},
    {"conditions": "x"},
    "\0",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(JUNK),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
CHANGES = tuple(around("quickstart-cold", "c1"))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in _paths(each, (*path, key)))]


# Every place in any of the quick start's objects, but the uid: `objects` refuses an object without one.
PLACES = sorted(
    {(change.kind, path) for change in CHANGES for path in _paths(change.object) if path and path[-1] != "uid"}, key=str
)


def _spoilt(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """The value with what is at that path replaced, where it has that path."""
    if not path:
        return junk
    if isinstance(value, dict) and path[0] in value:
        return {**value, path[0]: _spoilt(value[path[0]], path[1:], junk)}
    if isinstance(value, list) and isinstance(path[0], int) and path[0] < len(value):
        return [_spoilt(each, path[1:], junk) if at == path[0] else each for at, each in enumerate(value)]
    return value


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), VALUES)
def test_junk_anywhere_in_any_object_is_read_around(place: tuple[Kind, tuple[Any, ...]], junk: Any) -> None:
    kind, path = place
    spoilt = [
        replace(change, object=_spoilt(change.object, path, junk)) if change.kind is kind else change
        for change in CHANGES
    ]
    found = lifecycle.read(spoilt)
    if found is not None:
        assert lifecycle.from_json(json.loads(json.dumps(lifecycle.to_json(found)))) == found


@pytest.mark.parametrize("part", ["spec", "status", "metadata"])
@pytest.mark.parametrize("junk", [None, {}, [], "text", 7])
def test_an_object_with_a_part_of_the_wrong_kind_is_read(part: str, junk: Any) -> None:
    claim = next(change for change in CHANGES if change.kind is Kind.CLAIM)
    alone = replace(claim, object={**claim.object, part: junk})
    found = lifecycle.read([alone])
    assert (found is None) == (part == "metadata")  # a claim without a uid is none


def test_an_empty_spec_names_no_pool_and_harms_nothing() -> None:
    changes = [
        replace(each, object={**each.object, "spec": {}}) if each.kind is Kind.CLAIM else each for each in CHANGES
    ]
    found = read(changes)
    assert found.pool == ""
    assert found.template == "simple-sandbox-template"  # as its Sandbox says
    assert found.state is State.DELETED


def test_nothing_and_things_without_a_claim_have_no_lifecycle() -> None:
    assert lifecycle.read([]) is None
    assert lifecycle.read([change for change in CHANGES if change.kind is not Kind.CLAIM]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "2026-11-23",
        "2026-11-23T22:29:29",  # of no zone
        "2026-13-40T22:29:29Z",
        "9999-12-31T23:59:59Z",  # past what a bigint of nanoseconds holds
        "1969-12-31T23:59:59Z",
        "0000-00-00T00:00:00Z",
        "2026-11-23T22:29:29+99:99",
        "٢٠٢٦-11-23T22:29:29Z",
        "2026-11-23T22:29:29Z" + " " * 100_000,
    ],
)
def test_what_is_no_time_is_read_as_missing(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize(
    ("text", "fraction_ns", "width_ns"),
    [
        ("2026-11-23T22:29:29Z", 0, SECOND),
        ("2026-11-23T22:29:29.057093+00:00", 57_093_000, 1_000),
        ("2026-11-23T23:29:29.068454019+01:00", 68_454_019, 1),
        ("2026-11-23T16:59:29.5-05:30", 500_000_000, 100_000_000),
    ],
)
def test_a_time_is_read_with_the_width_of_its_last_digit(text: str, fraction_ns: int, width_ns: int) -> None:
    assert read_time(text) == (1_795_472_969 * SECOND + fraction_ns, width_ns)


def test_a_story_of_twenty_thousand_changes_is_told_by_its_ends() -> None:
    """A crash loop left alone for a month; what lies between its ends is not read."""
    pod = next(change for change in CHANGES if change.kind is Kind.POD and change.type is ChangeType.MODIFIED)
    last_ns = max(change.received_ns for change in CHANGES)
    metadata = dict(pod.object["metadata"])
    loop = [
        Change(
            ChangeType.MODIFIED,
            Kind.POD,
            last_ns - n,
            {**pod.object, "metadata": {**metadata, "resourceVersion": f"9{n}"}},
        )
        for n in range(20_000)
    ]
    told_by = story.tell([*CHANGES, *loop])
    assert told_by is not None
    assert sum(len(versions) for versions in told_by.pods) <= story.MAX_CHANGES
    found = read([*CHANGES, *loop])
    assert found.state is State.DELETED
    assert found.moments.keys() == read(CHANGES).moments.keys()
