"""Hints: what spans and log lines of every shape say of claims, and that strangers' text does no harm."""

from __future__ import annotations

from typing import Any

import pytest

from collector.ingest import save_now
from sandboxes.hints import HintKind
from sandboxes.models import Hint
from tests.factories import batch, make_log, make_span

pytestmark = pytest.mark.django_db

API = "https://10.0.0.1:443/apis/extensions.agents.x-k8s.io/v1beta1/namespaces/default/sandboxclaims"
SANDBOXES = "https://10.0.0.1/apis/agents.x-k8s.io/v1beta1/namespaces/default/sandboxes"
CLIENT = 3


def hints_of(attributes: dict[str, Any], kind: int = CLIENT) -> list[tuple[str, str, str]]:
    save_now(batch(make_span("call", kind=kind, attributes=attributes)))
    return list(Hint.objects.order_by("id").values_list("kind", "value", "namespace"))


@pytest.mark.parametrize("key", ["http.url", "url.full"])
@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        (f"{API}/nightly-report", HintKind.CLAIM_URL, "nightly-report"),
        (f"{API}/nightly-report/status", HintKind.CLAIM_URL, "nightly-report"),
        (f"{API}?fieldSelector=metadata.name%3Dnightly-report&watch=True", HintKind.CLAIM_URL, "nightly-report"),
        (f"{API}?watch=1&fieldSelector=metadata.name=nightly-report", HintKind.CLAIM_URL, "nightly-report"),
        (f"{SANDBOXES}/pool-7x2kq", HintKind.SANDBOX_URL, "pool-7x2kq"),
        (f"{SANDBOXES}?fieldSelector=metadata.name%3Dpool-7x2kq&watch=true", HintKind.SANDBOX_URL, "pool-7x2kq"),
    ],
)
def test_urls_of_the_api_server_name_claims_and_sandboxes(key: str, url: str, kind: HintKind, name: str) -> None:
    assert hints_of({key: url}) == [(kind, name, "default")]


def test_the_url_behind_a_proxy_is_read_as_well() -> None:
    url = API.replace("443/apis", "443/k8s/clusters/c-1/apis") + "/nightly-report"
    assert hints_of({"url.full": url}) == [(HintKind.CLAIM_URL, "nightly-report", "default")]


@pytest.mark.parametrize(("status", "made"), [(201, True), (200, True), (409, False), (None, False), ("201", False)])
def test_only_a_post_that_was_answered_well_makes_a_claim(status: Any, made: bool) -> None:
    attributes = {"http.method": "POST", "http.url": API} | ({"http.status_code": status} if status else {})
    assert hints_of(attributes) == ([(HintKind.CREATE, "", "default")] if made else [])


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"{API}/a%00b", []),
        (f"{API}?fieldSelector=metadata.name%3Da%00b", []),
        (API.replace("default", "a%00b") + "/report", [(HintKind.CLAIM_URL, "report", "")]),
    ],
)
def test_a_name_with_a_nul_written_in_percents_is_none(url: str, found: Any) -> None:
    assert hints_of({"url.full": url}) == found


def test_a_list_of_claims_names_none() -> None:
    assert hints_of({"http.method": "GET", "http.url": API, "http.status_code": 200}) == []


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"sandbox.claim.name": "report"}, [(HintKind.CLAIM_ATTRIBUTE, "report", "")]),
        ({"sandbox.id": "pool-1", "sandbox.namespace": "a"}, [(HintKind.SANDBOX_ATTRIBUTE, "pool-1", "a")]),
        ({"sandbox.name": "pool-1", "sandbox.namespace": "a"}, [(HintKind.RECONCILE, "pool-1", "a")]),
        ({"sandbox.command.executable": "echo"}, [(HintKind.COMMAND, "", "")]),
        ({"sandbox.file.path": "a.txt"}, [(HintKind.CALL, "", "")]),
    ],
)
def test_attributes_of_the_sdk_router_and_controller_are_known(attributes: Any, expected: Any) -> None:
    assert hints_of(attributes, kind=1) == expected


def test_a_captured_header_names_the_sandbox_of_a_call() -> None:
    header = {"http.request.header.x_sandbox_id": ["pool-1"], "http.request.header.x_sandbox_namespace": ["a"]}
    assert hints_of({"http.url": "http://127.0.0.1:9/execute"} | header) == [(HintKind.SANDBOX_HEADER, "pool-1", "a")]


def test_calls_of_a_runtime_are_kept_with_their_place_and_without_their_password() -> None:
    assert hints_of({"url.full": "http://me:secret@127.0.0.1:18888/execute"}) == [
        (HintKind.COMMAND, "127.0.0.1:18888", "")
    ]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/executed", "/api/execute/plan", "/downloads", "/"])
def test_calls_of_others_are_no_hints(path: str) -> None:
    assert hints_of({"url.full": f"http://127.0.0.1:18888{path}"}) == []


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        [],
        ["a", "b"],
        {"a": 1},
        "",
        "x" * 100_000,
        "http://[::1/execute",
        f"{API}/" + "%" * 9_000,
        "\x00/execute",
    ],
)
@pytest.mark.parametrize("key", ["url.full", "http.url", "sandbox.claim.name", "sandbox.id", "sandbox.name"])
def test_odd_values_are_kept_and_do_no_harm(key: str, value: Any) -> None:
    for kind, name, _ in hints_of({key: value, "sandbox.namespace": value}):
        assert HintKind(kind)
        assert len(name) <= 253


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Creating SandboxClaim 'report' in namespace 'team-a' using warm pool 'p'...",
            (HintKind.CREATE_LOG, "report", "team-a"),
        ),
        (
            "Watching claim 'report' for claim readiness (from resourceVersion=245)...",
            (HintKind.CLAIM_LOG, "report", ""),
        ),
        ("Resolving sandbox name from claim 'report'...", (HintKind.CLAIM_LOG, "report", "")),
        ("Connection to sandbox claim 'report' has been closed.", (HintKind.CLAIM_LOG, "report", "")),
        ("Terminated SandboxClaim: report", (HintKind.CLAIM_LOG, "report", "")),
        ("Failed to roll back SandboxClaim 'report': refused", (HintKind.CLAIM_LOG, "report", "")),
        ("Resolved sandbox name 'pool-1' from claim status (claim Ready)", (HintKind.SANDBOX_LOG, "pool-1", "")),
        ("Sandbox pool-1 is ready.", (HintKind.SANDBOX_LOG, "pool-1", "")),
        ("Starting tunnel for Sandbox pool-1", (HintKind.TUNNEL_START, "pool-1", "")),
        ("Tunnel ready at http://127.0.0.1:40123", (HintKind.TUNNEL, "127.0.0.1:40123", "")),
        (
            "sandboxd pod tunnel ready (rest=http://127.0.0.1:40124, grpc=127.0.0.1:40125)",
            (HintKind.TUNNEL, "127.0.0.1:40124", ""),
        ),
    ],
)
def test_lines_of_the_sdk_name_claims_and_sandboxes(line: str, expected: tuple[str, str, str]) -> None:
    save_now(batch(make_log(line)))
    assert list(Hint.objects.values_list("kind", "value", "namespace")) == [expected]


@pytest.mark.parametrize("line", ["a sandbox claim is fine", "Creating SandboxClaim ''", "claim " * 5_000, "laim"])
def test_other_lines_name_nothing(line: str) -> None:
    save_now(batch(make_log(line)))
    assert not Hint.objects.exists()


def test_a_repeated_batch_leaves_no_second_hint() -> None:
    again = batch(make_span("create", attributes={"sandbox.claim.name": "report"}))
    save_now(again)
    save_now(again)
    assert Hint.objects.count() == 1


def test_silent_spans_are_noticed_only_in_traces_that_said_something() -> None:
    create = make_span("create", attributes={"sandbox.claim.name": "report"})
    save_now(batch(create))
    save_now(batch(make_span("task", trace=create.trace_id), make_span("elsewhere")))
    assert [(hint.kind, hint.trace_id) for hint in Hint.objects.order_by("id")] == [
        (HintKind.CLAIM_ATTRIBUTE, create.trace_id),
        (HintKind.MORE, create.trace_id),
    ]
