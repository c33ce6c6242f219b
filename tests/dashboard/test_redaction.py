"""What was stored before redaction was switched on is masked on its way out, whatever the way."""

from __future__ import annotations

import gzip
import io
from copy import deepcopy
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from collector.clearing import clear
from collector.importing import import_stream
from collector.ingest import save_now
from collector.models import Log
from collector.redaction import MASK, read_rules
from dashboard.export import NAMES
from sandboxes.correlate import correlate
from sandboxes.models import Claim, ObjectVersion, Run, RunSandbox
from sandboxes.plans import Plan, to_json
from sandboxes.records import Change, Kind
from sandboxes.runs.recording import RunState, SandboxState
from sandboxes.store import save_changes
from tests.dashboard.test_export import ASKED
from tests.factories import MS, batch, make_exemplar, make_log, make_point, make_span, span_id, trace_id
from tests.sandboxes.loading import LAB, changes_of, link
from tests.sandboxes.recordings import truth

pytestmark = pytest.mark.django_db

SECRET = "hunter2-0a1b2c3d"
PATTERN = r"hunter2-\w+"
TRACE, RUN = trace_id(7), "0a1b2c3d4e5f"


def with_secret(change: Change) -> Change:
    """An object that holds the secret wherever somebody may have put it."""
    value: Any = deepcopy(dict(change.object))
    value["metadata"].setdefault("annotations", {})["example.org/token"] = SECRET
    if change.kind == Kind.EVENT:
        value["message"] = f"{value.get('message', '')} {SECRET}"
    if change.kind == Kind.POD:
        for container in value["spec"]["containers"]:
            container["env"] = [{"name": "API_TOKEN", "value": "x" + SECRET}, {"name": "HOME", "value": "/root"}]
            container["args"] = ["--token", SECRET]
    return replace(change, object=value)


def keep_telemetry(claim: Claim) -> None:
    """Every signal, with the secret in every field that may hold one; some of it the claim's."""
    told: dict[str, Any] = {"said": SECRET, "list": [SECRET], "bytes": {"nested": f'"{SECRET}"'}}
    span = make_span(
        f"call {SECRET}", service=f"agent {SECRET}", trace=TRACE, span=span_id(1), start_ns=claim.zero_ns + MS,
        status="error", status_message=f"no {SECRET}", attributes=told, scope=f"scope {SECRET}",
        events=[{"time_ns": str(claim.zero_ns), "name": f"event {SECRET}", "attributes": told}],
        links=[{"trace_id": trace_id(8), "span_id": span_id(8), "attributes": told, "trace_state": f"k={SECRET}"}],
        trace_state=f"k={SECRET}",
    )  # fmt: skip
    exemplar = make_exemplar(3, trace=TRACE, span=span_id(1))._replace(attributes=f'{{"said":"{SECRET}"}}')
    save_now(
        batch(
            span,
            make_log(f"line {SECRET}", trace=TRACE, span=span_id(1), attributes=told, event_name=SECRET),
            make_log({"password": SECRET}, severity_text=f"WARN {SECRET}"),
            make_point(3, name="m", unit=SECRET, description=SECRET, attributes=told, exemplars=[exemplar]),
        )
    )
    link(claim, TRACE, span_id(1))


def keep_run(claim: Claim) -> None:
    plan = Plan("pool", commands=(f"login {SECRET}",), environment={"TOKEN": SECRET}, file_path="/x", label=SECRET)
    run = Run.objects.create(
        uid=RUN, plan=to_json(plan), form=plan.form, state=RunState.FINISHED, asked_by="a test", note=SECRET,
        asked_ns=claim.zero_ns, changed_ns=1, began_ns=claim.zero_ns, problem=f"gone {SECRET}",
    )  # fmt: skip
    step = {"began_ns": 1, "duration_ns": 5, "exit_code": 0, "timed_out": False}
    RunSandbox.objects.create(
        run=run, number=1, claim=claim.name, state=SandboxState.FAILED, error_type="Failed", error=f"no {SECRET}",
        steps=[step | {"what": SECRET, "output": f"out {SECRET}", "errors": f"err {SECRET}"}],
        requested_ns=claim.zero_ns, trace_id=TRACE,
    )  # fmt: skip


@pytest.fixture
def claim(settings: Settings) -> Claim:
    """A claim whose objects, telemetry and run have the secret in them; only then redaction is switched on."""
    save_changes(LAB, [with_secret(change) for change in changes_of("quickstart-cold")])
    uid = next(each["uid"] for each in truth("quickstart-cold")["claims"] if each["key"] == "c1")
    Claim.objects.filter(uid=uid).update(reason=f"because {SECRET}")
    kept = Claim.objects.get(uid=uid)
    story = kept.lifecycle
    proof = {"kind": "Event", "name": "e", "reason": "Failed", "message": f"said {SECRET}", "time_ns": "1"}
    story["why"] = {"cause": "unschedulable", "sentence": f"No: {SECRET}.", "advice": SECRET, "proof": proof}
    Claim.objects.filter(uid=uid).update(lifecycle=story)
    keep_telemetry(kept)
    keep_run(kept)
    assert SECRET in str(Claim.objects.get(uid=uid).lifecycle)
    settings.REDACTION = read_rules([], PATTERN, ["password"])
    return kept


def body_of(client: Client, path: str) -> bytes:
    answer: Any = client.get(path)
    assert answer.status_code == 200, path
    if not answer.streaming:
        content: bytes = answer.content
        return content

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)()


def assert_masked(body: bytes, path: str) -> None:
    assert SECRET.encode() not in body, path
    assert MASK.encode() in body, path


@pytest.mark.parametrize("name", sorted({*NAMES} - {"links"}))
def test_every_csv(claim: Claim, client: Client, name: str) -> None:
    body = body_of(client, f"/export/{name}.csv?{ASKED.get(name, '')}")
    if name in ("stages", "compared_stages"):  # names and times alone
        assert SECRET.encode() not in body
    else:
        assert_masked(body, name)


def test_the_command_that_writes_csv(claim: Claim, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    call_command("export", "spans")
    assert_masked(capsysbinary.readouterr().out, "spans")


@pytest.mark.parametrize(
    "path",
    [
        "spans", "logs", "metric_points", "traces", "claims", "runs", f"runs/{RUN}", f"traces/{TRACE}", "latency",
        f"traces/{TRACE}/otlp/spans", f"traces/{TRACE}/otlp/logs", "claims/{uid}",
    ],
)  # fmt: skip
def test_every_answer_of_the_api(claim: Claim, client: Client, path: str) -> None:
    assert_masked(body_of(client, f"/api/v1/{path.format(uid=claim.uid)}"), path)


@pytest.mark.parametrize("path", ["overview", "pools", "stages", "links", "latency/stages"])
def test_answers_that_have_no_room_for_it(claim: Claim, client: Client, path: str) -> None:
    assert SECRET.encode() not in body_of(client, f"/api/v1/{path}")


@pytest.mark.parametrize(
    "path",
    [
        f"trace.bundle?trace_id={TRACE}", "claim.bundle?claim={uid}", f"run.bundle?run={RUN}", "traces.bundle",
        "claims.bundle", "runs.bundle", "range.bundle?range=all",
    ],
)  # fmt: skip
def test_every_bundle(claim: Claim, client: Client, path: str) -> None:
    assert_masked(gzip.decompress(body_of(client, f"/export/{path.format(uid=claim.uid)}")), path)


@pytest.mark.parametrize("path", ["claim/{uid}.html", f"run/{RUN}.html", "range.html?range=all"])
def test_every_report(claim: Claim, client: Client, path: str) -> None:
    assert_masked(body_of(client, f"/reports/{path.format(uid=claim.uid)}"), path)


@pytest.mark.parametrize(
    "path",
    [
        "/claims/{uid}/",  # with the Markdown to copy
        "/claims/{uid}/?view=objects",
        "/claims/?range=all",
        "/traces/?range=all",
        f"/traces/{TRACE}/",
        f"/traces/{TRACE}/?span={span_id(1)}",
        f"/traces/{TRACE}.md",
        f"/traces/{TRACE}.md?span={span_id(1)}",
        "/compare/?from=2025-06-01&to=2027-06-01",
        "/logs/?range=all",
        "/metrics/?range=all",
        "/metrics/?range=all&metric=m",
        "/runs/?range=all",
        f"/runs/{RUN}/",
        f"/runs/new/?again={RUN}",
        "/?range=all",
        "/charts/metric.json?metric=m",
        "/traces/words/",
    ],
)
def test_every_page(claim: Claim, client: Client, path: str) -> None:
    assert SECRET.encode() not in body_of(client, path.format(uid=claim.uid))


def test_what_leads_to_a_claim_stays(claim: Claim, client: Client) -> None:
    stored = ObjectVersion.objects.filter(uid=claim.uid).latest("id")
    assert stored.object["metadata"]["uid"] == claim.uid
    assert stored.object["metadata"]["name"] == claim.name
    assert stored.object["metadata"]["annotations"]["example.org/token"] == MASK
    (row,) = [item for item in client.get("/api/v1/spans").json()["items"] if item["trace_id"] == TRACE]
    assert (row["claim_uid"], row["claim"]) == (claim.uid, claim.name)


def test_equal_lines_of_a_bundle_are_all_read_again(claim: Claim, client: Client, settings: Settings) -> None:
    """They were told apart by what is masked now."""
    rules, settings.REDACTION = settings.REDACTION, None
    save_now(batch(*(make_log(f"token {SECRET}{n}") for n in range(4)), make_log("as it is"), make_log("as it is")))
    settings.REDACTION = rules
    written = body_of(client, "/export/range.bundle?range=all")
    held = Log.objects.count()
    for reading in (None, rules):
        clear()
        settings.REDACTION = reading
        import_stream(io.BytesIO(written), "x", save_now, zone=None, local_zone=UTC)
        assert Log.objects.count() == held


@pytest.mark.parametrize("stored", ["before", "masked", "before, and rewritten"])
@pytest.mark.parametrize(("pattern", "keys"), [(".+", ["no such key"]), (r"\d", ["*e*"]), ("", ["*a*", "*o*"])])
def test_rules_that_mask_far_too_much_break_nothing(
    client: Client, settings: Settings, stored: str, pattern: str, keys: list[str]
) -> None:
    rules = read_rules([], pattern, keys)
    settings.REDACTION = rules if stored == "masked" else None
    save_changes(LAB, changes_of("quickstart-cold"))
    settings.REDACTION = None
    kept = Claim.objects.first()
    assert kept is not None
    keep_telemetry(kept)
    keep_run(kept)
    settings.REDACTION = rules
    if "rewritten" in stored:
        call_command("redact")
        correlate()
    for name in NAMES:
        body_of(client, f"/export/{name}.csv?{ASKED.get(name, '')}")
    for path in (
        "/?range=all", "/claims/?range=all", "/traces/?range=all", "/logs/?range=all", "/metrics/?range=all", "/runs/",
        "/pools/", "/api/v1/claims", "/api/v1/spans", "/api/v1/pools", f"/claims/{kept.uid}/", f"/traces/{TRACE}/",
        f"/runs/{RUN}/", f"/reports/claim/{kept.uid}.html", f"/reports/run/{RUN}.html", "/reports/range.html?range=all",
        f"/api/v1/claims/{kept.uid}", f"/api/v1/runs/{RUN}",
    ):  # fmt: skip
        body_of(client, path)
    written = body_of(client, "/export/range.bundle?range=all")
    account = import_stream(io.BytesIO(written), "x", save_now, zone=None, local_zone=UTC)
    assert (account.unreadable, account.problems) == (0, [])
