"""A lifecycle as plain JSON values and back: what the column Claim.lifecycle holds. Plain Python.

Before: `read`. After: `store` writes it, pages read it again. Times are decimal strings: JavaScript rounds a
present-day nanosecond to 256.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sandboxes.records import Clock, Lifecycle, Milestone, Moment, Owner, Proof, Stage, StartType, State, Why

_Known = Mapping[str, tuple[Mapping[str, str], Moment]]  # by milestone: as it is written, and read
_WORDS = ("uid", "namespace", "name", "pool", "template", "reason", "sandbox", "sandbox_uid", "pod", "pod_uid", "node")


def to_json(lifecycle: Lifecycle) -> dict[str, Any]:
    """Times as decimal strings, enumerations as their words."""
    # A stage's ends are mostly two of the moments, the very same: they are written out once.
    written = {id(moment): _moment_to_json(moment) for moment in lifecycle.moments.values()}
    return {
        **{word: getattr(lifecycle, word) for word in (*_WORDS, "trace_context")},
        "start_type": lifecycle.start_type.value,
        "state": lifecycle.state.value,
        "other_contexts": list(lifecycle.other_contexts),
        "pod_ips": list(lifecycle.pod_ips),
        "moments": list(written.values()),
        "stages": [_stage_to_json(stage, written) for stage in lifecycle.stages],
        "why": _why_to_json(lifecycle.why),
    }


def from_json(value: Mapping[str, Any]) -> Lifecycle:
    """What `to_json` made. Raises KeyError or ValueError for anything else."""
    known = {each["milestone"]: (each, _moment_from_json(each)) for each in value["moments"]}
    return Lifecycle(
        **{word: value[word] for word in (*_WORDS, "trace_context")},
        start_type=StartType(value["start_type"]),
        state=State(value["state"]),
        other_contexts=tuple(value.get("other_contexts", ())),  # stories kept by an earlier version have none
        pod_ips=tuple(value["pod_ips"]),
        moments={moment.milestone: moment for _, moment in known.values()},
        stages=tuple(_stage_from_json(stage, known) for stage in value["stages"]),
        why=_why_from_json(value["why"]),
    )


def moment_in(value: Mapping[str, Any], milestone: Milestone) -> Moment | None:
    """One moment of what `to_json` made, without reading the rest."""
    found = next((each for each in value["moments"] if each["milestone"] == milestone), None)
    return _moment_from_json(found) if found else None


def stages_in(value: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The claim's own stages with their durations, without reading the rest."""
    for name, duration_ns, _ in durations_in(value):
        yield name, duration_ns


def durations_in(value: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """The same with the precision of each, which is never finer than the worse of both ends."""
    for stage in value["stages"]:
        if not stage["pre_warmed"]:
            start, end = stage["start"], stage["end"]
            duration_ns = max(0, int(end["time_ns"]) - int(start["time_ns"]))
            yield stage["name"], duration_ns, max(int(start["precision_ns"]), int(end["precision_ns"]))


def _moment_to_json(moment: Moment) -> dict[str, str]:
    return {
        "milestone": moment.milestone.value,
        "time_ns": str(moment.time_ns),
        "lower_ns": str(moment.lower_ns),
        "upper_ns": str(moment.upper_ns),
        "clock": moment.clock.value,
        "precision_ns": str(moment.precision_ns),
        "source": moment.source,
    }


def _moment_from_json(value: Mapping[str, str]) -> Moment:
    return Moment(
        milestone=Milestone(value["milestone"]),
        time_ns=int(value["time_ns"]),
        lower_ns=int(value["lower_ns"]),
        upper_ns=int(value["upper_ns"]),
        clock=Clock(value["clock"]),
        precision_ns=int(value["precision_ns"]),
        source=value["source"],
    )


def _stage_to_json(stage: Stage, written: Mapping[int, dict[str, str]]) -> dict[str, Any]:
    start, end = (written.get(id(moment)) or _moment_to_json(moment) for moment in (stage.start, stage.end))
    return {
        "name": stage.name,
        "owner": stage.owner.value,
        "start": start,
        "end": end,
        "pre_warmed": stage.pre_warmed,
    }


def _stage_from_json(stage: Mapping[str, Any], known: _Known) -> Stage:
    start, end = (_known_or_read(stage[end], known) for end in ("start", "end"))
    return Stage(stage["name"], Owner(stage["owner"]), start, end, bool(stage["pre_warmed"]))


def _known_or_read(value: Mapping[str, str], known: _Known) -> Moment:
    """A stage's end: mostly the moment that was read already, which takes a third of the time."""
    written, moment = known.get(value["milestone"]) or (None, None)
    return moment if moment is not None and written == value else _moment_from_json(value)


def _why_to_json(why: Why | None) -> dict[str, Any] | None:
    if why is None:
        return None
    value = asdict(why)
    if why.proof is not None:
        value["proof"]["time_ns"] = str(why.proof.time_ns)
    return value


def _why_from_json(value: Mapping[str, Any] | None) -> Why | None:
    if value is None:
        return None
    proof = value["proof"]
    found = Proof(**(proof | {"time_ns": int(proof["time_ns"])})) if proof else None
    return Why(value["cause"], value["sentence"], value["advice"], found)
