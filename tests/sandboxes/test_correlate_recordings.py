"""Every recording, joined in three orders: the links are right, and as many as the evidence gives.

The truth names the spans each program made for each claim. Where it leaves controller spans out (traced-warm), they are
judged by the trace they are in and the sandbox they name. What a controller did about a sandbox in a trace of its own
may be joined or not.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from collector.decode import decode
from collector.importing import import_stream
from collector.ingest import save_now
from collector.models import Span
from sandboxes.correlate import Correlator
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, Cursor, Link
from sandboxes.recorded import read_changes
from sandboxes.records import Clock, Milestone
from sandboxes.store import IMPORTED, save_changes
from tests.sandboxes.recordings import DATA, SCENARIOS, truth, watch_lines

pytestmark = [pytest.mark.django_db, pytest.mark.long]

Place = tuple[str, str]
Step = tuple[int, Callable[[], object]]  # when it was received, and what stores it

ORDERS = ("in time", "telemetry first", "cluster first")
CHANGES_A_STEP = 40

# What plain rules reach; the figures, and above them where the evidence gives more.
FLOORS = {
    "full-path": 1.0,
    "parent-span": 1.0,
    "traced-warm": 1.0,
    "bootstrapped-cold": 1.0,
    "gzip-and-json": 1.0,
    "quickstart-cold": 1.0,
    "console": 1.0,
    "console-old-sdk-0.5.2": 1.0,
    "api-outage": 0.94,
    "failures": 0.93,
    "burst-drained": 0.57,
}
WITH_TRUTH = [scenario for scenario in SCENARIOS if scenario in FLOORS]


@dataclass
class Truth:
    """Whose each span is: a claim's uid, or empty for nobody's; `either` may be joined or not."""

    owners: dict[Place, str] = field(default_factory=dict)
    either: dict[Place, str] = field(default_factory=dict)
    by_trace: dict[str, str] = field(default_factory=dict)
    by_sandbox: dict[str, str] = field(default_factory=dict)
    names: dict[Place, str] = field(default_factory=dict)  # of the claim each span was made for
    reported: dict[str, str] = field(default_factory=dict)  # the names of claims known from telemetry alone, by uid

    def allows(self, place: Place, uid: str, sandbox: str) -> bool:
        if uid in self.reported:
            return self.reported[uid] == self.names.get(place)
        if place in self.owners:
            return self.owners[place] == uid
        if place in self.either:
            return self.either[place] == uid
        return uid in (self.by_trace.get(place[0]), self.by_sandbox.get(sandbox))


def truth_of(scenario: str) -> Truth:
    found = Truth(reported=dict(Claim.objects.filter(cluster__isnull=True).values_list("uid", "name")))
    told = truth(scenario)
    far = False
    for claim in told["claims"]:
        uid = claim.get("uid") or reported_uid(claim["name"])
        far = far or "far_spans" in claim
        for kind, into in (("spans", found.owners), ("far_spans", found.owners), ("sandbox_spans", found.either)):
            for span in claim.get(kind, []):
                into[span["trace_id"], span["span_id"]] = uid
                found.names[span["trace_id"], span["span_id"]] = claim["name"]
        if not far:
            found.by_trace |= {span["trace_id"]: uid for span in claim["spans"]}
            found.by_sandbox[claim.get("sandbox") or ""] = uid
    for span in told.get("spans_outside_claims", []):
        found.owners[span["trace_id"], span["span_id"]] = ""
    return found


def reported_uid(name: str) -> str:
    """Of a claim no cluster has heard of: its row, when telemetry alone made one."""
    return Claim.objects.filter(name=name, cluster__isnull=True).values_list("uid", flat=True).first() or ""


def steps(scenario: str, order: str) -> list[Callable[[], object]]:
    telemetry, cluster = list(telemetry_of(scenario)), list(cluster_of(scenario))
    if order == "telemetry first":
        return [work for _, work in telemetry + cluster]
    if order == "cluster first":
        return [work for _, work in cluster + telemetry]
    return [work for _, work in sorted(telemetry + cluster, key=lambda step: step[0])]


def telemetry_of(scenario: str) -> Iterator[Step]:
    folder = DATA / scenario / "otlp"
    if not (folder / "index.jsonl").exists():
        yield printed_at(scenario), partial(import_printed, DATA / scenario / "stdout.txt")
        return
    for line in (folder / "index.jsonl").read_text().splitlines():
        request = json.loads(line)
        yield int(request["received_unix_nano"]), partial(receive, folder, request)


def receive(folder: Path, request: dict[str, Any]) -> None:
    body = (folder / request["file"]).read_bytes()
    save_now(decode(request["signal"], body, "json" if request["file"].endswith(".json") else "protobuf"))


def printed_at(scenario: str) -> int:
    claims = truth(scenario)["claims"]
    return max(int(operation["end_unix_nano"]) for claim in claims for operation in claim["operations"])


def import_printed(path: Path) -> None:
    with path.open("rb") as file:
        import_stream(file, path.name, save_now, zone=None, local_zone=UTC)


@cache
def changes_of(scenario: str) -> list[Any]:
    return list(read_changes(watch_lines(scenario)))


def cluster_of(scenario: str) -> Iterator[Step]:
    changes = changes_of(scenario)
    for position in range(0, len(changes), CHANGES_A_STEP):
        part = changes[position : position + CHANGES_A_STEP]
        yield part[-1].received_ns, partial(save_changes, IMPORTED, part)


@dataclass
class Judged:
    right: int = 0
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)
    expected: int = 0
    exact: int = 0
    unlisted: list[tuple[str, str]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / max(1, self.expected)


def judge(scenario: str, traces: Collection[str] | None = None) -> Judged:
    """Judges the links there are, of these traces alone when they are given."""
    right = truth_of(scenario)
    names = {
        (span.trace_id, span.span_id): (span.operation.name, span) for span in Span.objects.select_related("operation")
    }
    sandboxes = sandbox_of_trace(names)
    links: dict[Place, list[Link]] = defaultdict(list)
    for link in Link.objects.all() if traces is None else Link.objects.filter(trace_id__in=traces):
        links[link.trace_id, link.span_id].append(link)
    judged = Judged()
    for place, found in links.items():
        for link in found:
            if link.certainty == "ambiguous":
                continue
            judged.exact += link.certainty == "exact"
            if right.allows(place, link.claim_uid, sandboxes.get(place[0], "")):
                judged.right += 1
            else:
                judged.wrong.append((names[place][0], *place, f"{link.evidence} {link.claim_uid}"))
    for place, uid in right.owners.items():
        if uid and place in names:
            judged.expected += 1
            sure = {link.claim_uid for link in links[place] if link.certainty != "ambiguous"}
            if uid not in sure:
                judged.missed.append((names[place][0], place[1]))
                if links[place] and uid not in {link.claim_uid for link in links[place]}:
                    judged.unlisted.append((names[place][0], place[1]))
    return judged


def sandbox_of_trace(spans: dict[Place, Any]) -> dict[str, str]:
    """The sandbox that a controller's trace names, where it names one."""
    found: dict[str, set[str]] = defaultdict(set)
    for (trace_id, _), (_, span) in spans.items():
        if "sandbox.name" in span.attributes:
            found[trace_id].add(span.attributes["sandbox.name"])
    return {trace_id: next(iter(names)) for trace_id, names in found.items() if len(names) == 1}


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Lines that are shown when the module's tests are done."""
    lines: list[str] = []
    yield lines
    plugins = request.config.pluginmanager
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        for line in ("", *lines):
            plugins.getplugin("terminalreporter").write_line(line)


@pytest.mark.parametrize(
    "order", [order if order == "in time" else pytest.param(order, marks=pytest.mark.one_database) for order in ORDERS]
)
@pytest.mark.parametrize("scenario", WITH_TRUTH)
def test_links_of_a_recording_are_right_and_enough(scenario: str, order: str, table: list[str]) -> None:
    correlator = Correlator()
    for store in steps(scenario, order):
        store()
        join(correlator)
    judged = judge(scenario)
    unsure = Link.objects.filter(certainty="ambiguous").count()
    table.append(
        f"{scenario:22} {order:16} precision {judged.precision:.2f} recall {judged.recall:.2f}"
        f" of {judged.expected} spans; links: {judged.exact} exact, {judged.right - judged.exact} inferred,"
        f" {unsure} ambiguous"
    )
    assert judged.wrong == []
    assert judged.recall >= FLOORS[scenario], judged.missed
    assert judged.unlisted == []


@pytest.mark.one_database
def test_recordings_in_one_database_do_not_mix() -> None:
    """And what was joined once stays as it is when all is read again from nothing."""
    for scenario in WITH_TRUTH:
        for store in steps(scenario, "telemetry first"):
            store()
        join(Correlator())
    for scenario in WITH_TRUTH:
        judged = judge(scenario, told_traces(scenario))
        assert judged.wrong == []
        assert judged.recall >= FLOORS[scenario], (scenario, judged.missed)
    links = set(Link.objects.values_list("claim_uid", "trace_id", "span_id", "evidence", "certainty"))
    Cursor.objects.all().delete()
    Link.objects.all().delete()
    join(Correlator())
    assert set(Link.objects.values_list("claim_uid", "trace_id", "span_id", "evidence", "certainty")) == links


def told_traces(scenario: str) -> set[str]:
    """The traces the truth tells of."""
    right = truth_of(scenario)
    return {trace_id for trace_id, _ in (*right.owners, *right.either)}


def join(correlator: Correlator) -> None:
    while correlator.step():
        pass


@pytest.mark.parametrize("scenario", ["traced-warm", "full-path", "parent-span", "bootstrapped-cold", "failures"])
def test_the_clients_own_moments_are_those_it_measured(scenario: str) -> None:
    """The SDK's calls lie inside what the script measured around them, to a few milliseconds."""
    for store in steps(scenario, "in time"):
        store()
    join(Correlator())
    for told in truth(scenario)["claims"]:
        operations = {operation["op"]: operation for operation in reversed(told["operations"]) if operation["ok"]}
        if not told.get("uid") or "run" not in operations:
            continue
        moments = from_json(Claim.objects.get(uid=told["uid"]).lifecycle).moments
        created, run = operations["create_sandbox"], operations["run"]
        ready, command = moments[Milestone.CLIENT_READY], moments[Milestone.FIRST_COMMAND]
        assert created["start_unix_nano"] < ready.time_ns <= created["end_unix_nano"]
        assert run["start_unix_nano"] <= command.time_ns < run["end_unix_nano"]
        assert (ready.clock, command.clock) == (Clock.CLIENT, Clock.CLIENT)
