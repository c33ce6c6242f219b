"""Objects, claims, hints and runs that were stored before are masked too, and nothing leads elsewhere than it did."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from collector.ingest import ingest, save_now
from collector.models import Rollup
from collector.redaction import MASK, read_rules
from collector.rewriting import Rewriting
from collector.rollup import Subject, count_news
from collector.rollup.windows import FINE_WINDOWS_S
from collector.sql import execute
from sandboxes.correlate import correlate
from sandboxes.hints import HintKind
from sandboxes.models import Claim, Hint, Link, ObjectVersion, Run, StageSeries
from sandboxes.plans import Plan
from sandboxes.runs import recording, tasks
from sandboxes.runs.recording import RunState
from sandboxes.store import save_changes
from tests.collector.test_redact import PATTERN, SECRET, everything_stored
from tests.dashboard.test_redaction import keep_run, keep_telemetry, with_secret
from tests.factories import batch, make_log, make_span, span_id, trace_id
from tests.sandboxes.loading import LAB, changes_of
from tests.sandboxes.test_latency import counted, told

pytestmark = pytest.mark.django_db

API = "https://10.0.0.1:443/apis/extensions.agents.x-k8s.io/v1beta1/namespaces/default/sandboxclaims"


@pytest.fixture(autouse=True)
def off(settings: Settings) -> None:
    """Whatever a test switches on is off again after it."""
    settings.REDACTION = None


def switch_on(pattern: str = PATTERN, keys: list[str] | None = None) -> None:
    django_settings.REDACTION = read_rules([], pattern, keys or ["no such key"])


def rewrite() -> dict[str, int]:
    one = Rewriting(ingest.run_from_thread, lambda seconds: None)
    one.rewrite()
    assert one.left == 0
    return {name: done.changed for name, done in one.done.items() if done.changed}


def links() -> list[Any]:
    return sorted(Link.objects.values_list("claim_uid", "trace_id", "span_id", "evidence", "certainty"))


def keep_everything() -> Claim:
    save_changes(LAB, [with_secret(change) for change in changes_of("quickstart-cold")])
    claim = Claim.objects.order_by("zero_ns").first()
    assert claim is not None
    story = claim.lifecycle
    proof = {"kind": "Event", "name": "e", "reason": "Failed", "message": f"said {SECRET}", "time_ns": "1"}
    story["why"] = {"cause": "unschedulable", "sentence": f"No: {SECRET}.", "advice": SECRET, "proof": proof}
    story["reason"] = f"because {SECRET}"
    Claim.objects.filter(pk=claim.pk).update(lifecycle=story, reason=story["reason"])
    keep_telemetry(claim)
    keep_run(claim)
    return claim


def test_of_objects_claims_and_runs_nothing_is_left_and_all_else_stays() -> None:
    claim = keep_everything()
    held, joined = counted(), links()
    versions, claims = ObjectVersion.objects.count(), list(Claim.objects.values_list("uid", "state", "zero_ns"))
    assert SECRET in everything_stored()
    switch_on()
    changed = rewrite()
    assert SECRET not in everything_stored()
    assert {"versions of objects", "claims", "runs", "sandboxes of runs", "spans", "log records"} <= changed.keys()
    assert (counted(), links()) == (held, joined)
    assert ObjectVersion.objects.count() == versions
    assert list(Claim.objects.values_list("uid", "state", "zero_ns")) == claims
    stored = everything_stored()
    assert rewrite() == {}
    assert everything_stored() == stored
    assert save_changes(LAB, [with_secret(change) for change in changes_of("quickstart-cold")]).new == 0
    assert Claim.objects.get(pk=claim.pk).lifecycle["why"]["sentence"] == f"No: {MASK}."


@pytest.mark.parametrize("keys", [["example.org/*"], ["nodeName"]])
def test_it_is_as_if_the_objects_had_come_under_these_rules(keys: list[str]) -> None:
    changes = [with_secret(change) for change in changes_of("quickstart-cold")]
    save_changes(LAB, changes)
    switch_on(keys=keys)
    rewrite()
    columns = ("uid", "resource_version", "change", "name", "belongs_to", "object")
    rewritten = [*ObjectVersion.objects.order_by("id").values_list(*columns)], [*_stories()]
    for model in (ObjectVersion, Claim):
        model._default_manager.all().delete()
    save_changes(LAB, changes)
    assert ([*ObjectVersion.objects.order_by("id").values_list(*columns)], [*_stories()]) == rewritten


def _stories() -> Any:
    return Claim.objects.order_by("uid").values_list("uid", "pool", "template", "reason", "node", "lifecycle")


# Names of pools in claims are texts


def test_latencies_of_pools_that_are_one_now_are_counted_together() -> None:
    save_changes(LAB, changes_of("quickstart-cold"))
    pool = Claim.objects.values_list("pool", flat=True).order_by("uid").first()
    ingest.run_from_thread(lambda committed: count_news(wait=True))
    held = told()
    switch_on(pattern=f"^{pool}$")
    rewrite()
    assert pool not in set(Claim.objects.values_list("pool", flat=True))
    assert pool not in set(StageSeries.objects.values_list("pool", flat=True))
    assert counted() == told() != {}
    assert sum(counted().values()) == sum(held.values())


def test_short_windows_that_were_pruned_do_not_come_back() -> None:
    save_changes(LAB, changes_of("quickstart-cold"))
    ingest.run_from_thread(lambda committed: count_news(wait=True))
    Rollup.objects.filter(subject=Subject.STAGE, window_s__in=FINE_WINDOWS_S).delete()
    pool = Claim.objects.order_by("uid").values_list("pool", flat=True)[0]
    switch_on(pattern=f"^{pool}$")
    rewrite()
    assert pool not in set(StageSeries.objects.values_list("pool", flat=True))
    assert not Rollup.objects.filter(window_s__in=FINE_WINDOWS_S, subject=Subject.STAGE, count__gt=0).exists()
    assert counted() == told() != {}


# What leads to claims


@pytest.mark.parametrize("pattern", ["secret-claim", "Watching claim '([a-z-]+)'|sandboxclaims/([a-z-]+)"])
def test_a_masked_name_is_no_hint_and_makes_no_claim_any_more(pattern: str) -> None:
    """The second pattern shows nothing in the name alone."""
    save_now(
        batch(
            make_span(
                "GET", kind=3, trace=trace_id(1), span=span_id(1), attributes={"http.url": f"{API}/secret-claim"}
            ),
            make_log("Watching claim 'secret-claim' for readiness", trace=trace_id(1), span=span_id(1)),
            make_log("Watching claim 'secret-claim' for readiness"),
            make_span("run", kind=3, trace=trace_id(1), span=span_id(3), attributes={"url.full": "http://h:1/execute"}),
        )
    )
    correlate()
    assert Claim.objects.get().name == "secret-claim"
    switch_on(pattern=pattern)
    rewrite()
    assert "secret-claim" not in everything_stored()
    assert not Claim.objects.exists()
    assert not Link.objects.exists()
    assert list(Hint.objects.values_list("kind", "value")) == [(HintKind.COMMAND, "h:1")]


def test_hidden_keys_hide_hints_as_well() -> None:
    attributes = {"sandbox.id": "sandbox-7", "url.full": "http://h:1/execute"}
    save_now(batch(make_span("run", kind=3, attributes=attributes), make_span("x", attributes={"sandbox.id": "s"})))
    switch_on(pattern="", keys=["sandbox.id"])
    rewrite()
    assert list(Hint.objects.values_list("kind", "value")) == []
    assert "sandbox-7" not in everything_stored()


def test_an_address_of_a_command_goes_and_the_command_stays() -> None:
    save_now(batch(make_span("run", kind=3, attributes={"url.full": f"http://{SECRET}:8888/execute"})))
    switch_on()
    rewrite()
    assert list(Hint.objects.values_list("kind", "value")) == [(HintKind.COMMAND, "")]
    assert SECRET not in everything_stored()


def test_hints_follow_the_program_that_is_one_with_another() -> None:
    for number in range(2):
        save_now(batch(make_span("x", service=f"{SECRET}{number}", attributes={"sandbox.id": f"s{number}"})))
    switch_on()
    rewrite()
    resources = set(Hint.objects.values_list("resource_id", flat=True))
    assert resources == {row[0] for row in execute("SELECT id FROM collector_resource").fetchall()}


# Runs


def test_the_plan_of_a_run_that_goes_on_stays_and_is_masked_once_it_is_over() -> None:
    run_id = recording.ask(Plan("pool", commands=(f"login {SECRET}",)), "a test", queued=False)
    form = Run.objects.get().form
    tasks.execute.enqueue(run_id)
    execute("UPDATE django_tasks_database_dbtaskresult SET traceback = %s", (f"ValueError: {SECRET}",))
    switch_on()
    assert rewrite()["failures of tasks"] == 1
    assert recording.plan_of(run_id).commands == (f"login {SECRET}",)
    masked = Run.objects.get().form
    assert masked != form
    Run.objects.update(state=RunState.FINISHED)
    rewrite()
    assert recording.plan_of(run_id).commands == (f"login {MASK}",)
    assert Run.objects.get().form == masked
    assert SECRET not in everything_stored()
