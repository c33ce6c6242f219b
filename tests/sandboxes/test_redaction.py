"""What a cluster says is masked before it is kept, and what leads from one object to another is not."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC
from typing import Any

import orjson
import pytest
from pytest_django.fixtures import Settings

from collector.importing import import_stream
from collector.ingest import save_now
from collector.redact import redact
from collector.redaction import MASK, Rules, read_rules
from collector.writer import Committed
from sandboxes.correlate import correlate
from sandboxes.hints import HintKind
from sandboxes.lifecycle import from_json, to_json
from sandboxes.models import Claim, Hint, Link, ObjectVersion, Run, RunSandbox
from sandboxes.objects import regarding
from sandboxes.plans import Plan
from sandboxes.records import ChangeType, Kind, Why
from sandboxes.redaction import object_without
from sandboxes.runs import recording
from sandboxes.runs.engine import Engine
from sandboxes.store import keep_story, save_changes
from sandboxes.trigger import Ran
from tests.collector.test_redact import everything_stored
from tests.dashboard.test_redaction import PATTERN, SECRET, with_secret
from tests.factories import batch, make_log, make_span, trace_id
from tests.sandboxes.loading import LAB, changes_of, load
from tests.sandboxes.runs.memory_cluster import MemoryCluster

pytestmark = pytest.mark.django_db


def made(*patterns: str, keys: tuple[str, ...] = ()) -> Rules:
    rules = read_rules([], "\n".join(patterns), keys)
    assert rules is not None
    return rules


@pytest.fixture
def on(settings: Settings) -> None:
    settings.REDACTION = made(PATTERN, keys=("*password",))


@pytest.mark.usefixtures("on")
def test_what_a_watch_brings_is_masked_before_it_is_kept() -> None:
    save_changes(LAB, [with_secret(change) for change in changes_of("quickstart-cold")])
    stored = everything_stored()
    assert SECRET not in stored
    assert MASK in stored


@pytest.mark.usefixtures("on")
def test_files_of_objects_are_masked_too() -> None:
    lines = []
    for change in map(with_secret, changes_of("quickstart-cold")):
        resource = {"Pod": "pods", "Event": "events", "Sandbox": "sandboxes", "SandboxClaim": "sandboxclaims"}
        if change.kind in resource and change.type != ChangeType.GONE:
            line = {"type": "ADDED", "resource": resource[change.kind], "received_unix_nano": change.received_ns}
            lines.append(orjson.dumps(line | {"object": dict(change.object)}))
    account = import_stream(io.BytesIO(b"\n".join(lines)), "watch.jsonl", save_now, zone=None, local_zone=UTC)
    assert account.objects > 10
    assert SECRET not in everything_stored()


def test_claims_tell_the_same_story_masked_or_not(settings: Settings) -> None:
    plain = {key: _timeless(claim) for key, claim in load("burst-drained").items()}
    Claim.objects.all().delete()
    ObjectVersion.objects.all().delete()
    settings.REDACTION = read_rules(["all"], r"image:.*", ["*token", "env"])
    assert {key: _timeless(claim) for key, claim in load("burst-drained").items()} == plain


def _timeless(claim: Claim) -> Any:
    return claim.name, claim.state, claim.lifecycle


def test_what_objects_are_told_apart_by_is_never_masked() -> None:
    """Not even by a pattern that takes everything."""
    for change in changes_of("quickstart-cold"):
        masked = object_without(made(".+"), change.object)
        assert masked != change.object
        kept = replace(change, object=masked)
        assert kept.uid == change.uid
        for key in ("name", "namespace", "resourceVersion", "ownerReferences"):
            assert kept.metadata.get(key) == change.metadata.get(key)
        assert masked["kind"] == change.object["kind"] == change.kind
        if change.kind == Kind.EVENT:
            assert regarding(masked) == regarding(change.object)
            assert regarding(masked)


def test_a_variable_is_masked_by_its_name_also_in_what_kubectl_applied_last() -> None:
    pod = {"env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "HOME", "value": "/root"}]}
    applied = {"kubectl.kubernetes.io/last-applied-configuration": orjson.dumps({"spec": pod}).decode()}
    masked: Any = object_without(made(keys=("*password",)), {"metadata": {"annotations": applied}, "spec": pod})
    there = {"env": [{"name": "DB_PASSWORD", "value": MASK}, {"name": "HOME", "value": "/root"}]}
    assert masked["spec"] == there
    (text,) = masked["metadata"]["annotations"].values()
    assert orjson.loads(text) == {"spec": there}


@pytest.mark.usefixtures("on")
def test_a_story_from_elsewhere_is_masked(settings: Settings) -> None:
    rules, settings.REDACTION = settings.REDACTION, None
    claim = load("quickstart-cold")["c1"]
    story = replace(from_json(claim.lifecycle), reason=SECRET, why=Why("cause", f"No {SECRET}.", SECRET))
    Claim.objects.all().delete()
    settings.REDACTION = rules
    assert keep_story(None, story, Committed())
    assert SECRET not in repr(list(Claim.objects.values_list()))
    settings.REDACTION = None
    assert from_json(Claim.objects.get().lifecycle).why == Why("cause", f"No {MASK}.", MASK)
    assert to_json(story)["uid"] == claim.uid


# Correlation


@pytest.mark.usefixtures("on")
def test_a_masked_name_leads_nowhere_rather_than_to_all_that_are_masked() -> None:
    spans = [
        make_span("create", trace=trace_id(n), attributes={"sandbox.claim.name": f"{SECRET}{n}", "a": "b"})
        for n in (1, 2)
    ]
    lines = [make_log(f"Tunnel ready at http://{SECRET}/"), make_log("Tunnel ready at http://127.0.0.1:1234/")]
    brought = batch(*spans, *lines)
    redact(brought)
    save_now(brought)
    correlate()
    assert list(Hint.objects.values_list("kind", "value")) == [(HintKind.TUNNEL, "127.0.0.1:1234")]
    assert not Link.objects.exists()
    assert not Claim.objects.exists()


def test_a_url_with_a_masked_password_still_leads_to_its_host(settings: Settings) -> None:
    settings.REDACTION = read_rules(["url-password"], "", [])
    attributes = {"http.url": "http://ann:pa55@10.0.0.1:8888/execute", "http.method": "POST"}
    brought = batch(make_span("POST", kind=3, attributes=attributes))
    redact(brought)
    save_now(brought)
    assert list(Hint.objects.values_list("kind", "value")) == [(HintKind.COMMAND, "10.0.0.1:8888")]


# Test runs


def a_run(*commands: str) -> tuple[str, MemoryCluster]:
    """A run that was asked for, taken up, done and ended."""
    plan = Plan("pool", commands=commands, environment={"DB_PASSWORD": "x1", "TOKEN": SECRET})
    run_id = recording.ask(plan, "a test", queued=False)
    taken = recording.begin(run_id)
    assert taken is not None
    assert taken[0] == plan  # what is done is what was asked for
    cluster = MemoryCluster()
    cluster.answer = lambda command: Ran(0, f"out {command} " + "x" * 3_990 + SECRET, f"err {SECRET}", False)
    recording.end(run_id, Engine(run_id, *taken, cluster).do(), problem=f"said {SECRET}")
    return run_id, cluster


@pytest.mark.usefixtures("on")
def test_a_run_does_what_it_was_asked_and_keeps_what_may_be_shown(settings: Settings) -> None:
    run_id, cluster = a_run(f"login {SECRET}")
    assert [command for _, command in cluster.commands] == [f"login {SECRET}"]
    stored = everything_stored()
    assert SECRET not in stored
    assert "hunter2" not in stored  # nor the half of it that a limit of length leaves
    settings.REDACTION = None
    (step,) = RunSandbox.objects.get(run__uid=run_id).steps
    assert (step["what"], step["errors"]) == (f"login {MASK}", f"err {MASK}")
    plan = Run.objects.get(uid=run_id).plan
    assert plan["commands"] == [f"login {MASK}"]
    assert plan["environment"] == {"DB_PASSWORD": MASK, "TOKEN": MASK}


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("how", ["cancel", "interrupt"])
def test_a_run_that_is_not_done_forgets_its_plan_too(how: str) -> None:
    run_id = recording.ask(Plan("pool", commands=(SECRET,)), "a test", queued=False)
    assert SECRET in everything_stored()  # the worker has to know it
    assert Run.objects.get().plan["commands"] == [MASK]  # nobody else
    recording.cancel(run_id) if how == "cancel" else recording.interrupt(run_id, f"gone {SECRET}")
    assert SECRET not in everything_stored()


def test_runs_with_other_secrets_are_of_one_form(settings: Settings) -> None:
    """It is a digest, and a short secret could be guessed from it."""
    settings.REDACTION = made(PATTERN)
    first, second = (recording.ask(Plan("pool", commands=(f"{SECRET}{n}",)), "a test", queued=False) for n in (1, 2))
    assert Run.objects.get(uid=first).form == Run.objects.get(uid=second).form
