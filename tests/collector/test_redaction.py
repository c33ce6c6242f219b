"""Rules: what is masked, what stays, and what cannot be meant."""

from __future__ import annotations

import base64
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.redaction import MASK, BadRules, Rules, events_or_links, read_rules
from collector.redaction.builtin import BUILTIN, SETS

TOKEN = "ghp_" + "a1B2" * 9


def rules(*patterns: str, keys: tuple[str, ...] = (), builtin: tuple[str, ...] = ()) -> Rules:
    made = read_rules(builtin, "\n".join(patterns), keys)
    assert made is not None
    return made


def test_nothing_is_masked_unless_something_is_asked_for() -> None:
    assert read_rules([], "", []) is None
    assert read_rules([], " \n\r\n", []) is None


def test_the_match_is_masked_and_the_text_around_it_stays() -> None:
    assert rules(r"\d{4}-\d{4}").text("card 1234-5678, then 8765-4321.") == f"card {MASK}, then {MASK}."


def test_of_a_pattern_with_groups_these_are_masked() -> None:
    made = rules(r"user=(\w+) pin=(\d+)")
    assert made.text("user=ann pin=0000 user=bob pin=1") == (f"user={MASK} pin={MASK} " * 2).strip()


def test_groups_may_have_names_and_the_same_ones() -> None:
    made = rules(r"a(?P<secret>\d)", r"b(?<secret>\d)", r"\(?P<x>")
    assert made.text("a1 b2 P<x>") == f"a{MASK} b{MASK} {MASK}"


def test_a_group_that_takes_no_part_masks_the_whole_match() -> None:
    assert rules(r"a(b)?c").text("ac abc") == f"{MASK} a{MASK}c"


def test_a_line_is_a_pattern_and_so_is_an_item_of_a_json_list() -> None:
    assert read_rules([], "one\r\n\n two \n", []).patterns == ("one", " two ")  # type: ignore[union-attr]
    assert read_rules([], r'["a\\d", "b\nc"]', []).patterns == (r"a\d", "b\nc")  # type: ignore[union-attr]
    assert read_rules([], "[ab]cd", []).patterns == ("[ab]cd",)  # type: ignore[union-attr]


@pytest.mark.parametrize("times", [2, 3])
def test_masked_again_is_as_masked_once(times: int) -> None:
    made = rules(r"\w+", r"red", r"\S+@\S+", r"\[.*")
    once = made.text("me@here.org is red [and so on")
    assert made.text(once) == once
    for _ in range(times):
        once = made.text(f"{once} x")
    assert "[[" not in once


@pytest.mark.parametrize(
    ("name", "secret", "around"),
    [
        ("bearer", "abcdefghij0123456789", "Authorization: Bearer {}"),
        ("bearer", "dXNlcjpwYXNzd29yZA==", '"authorization": "Basic {}"'),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "t={};"),
        ("aws", "AKIAIOSFODNN7EXAMPLE", "key {} used"),
        ("aws", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "export {}"),
        ("github", TOKEN, "https://{}@github.com/a/b"),
        ("github", "github_pat_11ABCDEFG0abcdefghijkl_mnop", "{}"),
        ("gitlab", "glpat-abcdefghijklmnopqrst", "git push {}"),
        ("openai", "sk-proj-abcdefghijklmnopqrstuvwx", "OPENAI_API_KEY={}"),
        ("google", "AIzaSyA-1234567890abcdefghijklmnopqrstu", "?key={}&x=1"),
        ("huggingface", "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "{}"),
        ("slack", "xoxb-123456789012-abcdef", "{}"),
        ("stripe", "sk_live_abcdefghijklmnop1234", "{}"),
        ("private-key", "MIIEvQIBADANBg\nBKcwggSj", "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----"),
        ("private-key", "MIIEvQIBADANBg", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{} cut off"),
        ("url-password", "hunter2", "postgres://app:{}@db:5432/x"),
        ("assignment", "hunter2", "export DB_PASSWORD={}"),
        ("assignment", "hunter2", '{{"api_key": "{}", "n": 1}}'),
        ("assignment", "hunter2", "GET /x?token={}&y=2"),
        ("email", "ann.o'neill+x@mail.example.org", "from <{}>"),
    ],
)  # fmt: skip
def test_each_ready_made_pattern_masks_what_it_is_named_for(name: str, secret: str, around: str) -> None:
    masked = rules(builtin=(name,)).text(around.format(secret))
    assert secret.partition("'")[2] not in masked if "'" in secret else secret not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "http://10.0.0.1:8888/execute",
        "http://router.agent-sandbox-system.svc:8080/claims",
        "Creating SandboxClaim 'run-0a1b2c3d4e5f-0001' in namespace 'default'",
        "0af7651916cd43dd8448eb211c80319c",
        "bearer of news, basic authentication",
        "gen_ai.usage.input_tokens 1234",
        "task-force sk-short, 2026-11-23T22:33:07.967755510Z",
        "File \"/usr/lib/python3.11/site-packages/a.py\", line 12, in f",
    ],
)  # fmt: skip
def test_ordinary_texts_are_none_of_the_ready_made_ones(text: str) -> None:
    assert rules(builtin=("all",)).text(text) == text


def test_sets_of_ready_made_ones_are_those_they_say() -> None:
    assert set(SETS["all"]) - set(SETS["secrets"]) == {"email"}
    assert set(SETS["all"]) == {*BUILTIN, "keys"}


def test_a_key_hides_its_whole_value_wherever_it_is() -> None:
    made = rules(keys=("*password*", "http.request.header.authorization"))
    value = {
        "db.Password": 5,
        "http.request.header.authorization": ["a", "b"],
        "nested": {"list": [{"password_hint": {"x": None}, "user": "ann"}]},
        "passwor": "short",
    }
    assert made.value(value) == {
        "db.Password": MASK,
        "http.request.header.authorization": MASK,
        "nested": {"list": [{"password_hint": MASK, "user": "ann"}]},
        "passwor": "short",
    }


def test_a_variable_of_an_environment_is_known_by_its_name() -> None:
    environment = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "HOME", "value": "/root"}]
    masked = rules(keys=("*password",)).value({"env": environment})
    assert masked == {"env": [{"name": "DB_PASSWORD", "value": MASK}, environment[1]]}


def test_json_within_a_text_is_looked_into() -> None:
    made = rules(keys=("password",))
    inner = orjson.dumps({"user": "ann", "password": "hunter2", "quote": 'a "b"'}).decode()
    assert orjson.loads(made.value({"body": inner})["body"]) == orjson.loads(inner) | {"password": MASK}
    assert made.text('{"user": "ann"}') == '{"user": "ann"}'  # as it was written
    assert made.text("{not json password") == "{not json password"


def test_bytes_that_match_are_masked_whole() -> None:
    made = rules("hunter2")
    secret, other = (base64.b64encode(text).decode() for text in (b"\xff hunter2", b"\xff other"))
    assert made.value({"a": {"bytesValue": secret}, "b": {"bytesValue": other}}) == {
        "a": MASK,
        "b": {"bytesValue": other},
    }


def test_tagged_numbers_and_maps_keep_their_form() -> None:
    made = rules(r"\d{5,}", "hunter2", keys=("pin",))
    pairs = [{"key": "pin", "value": {"intValue": "1"}}, {"key": "a", "value": {"stringValue": "hunter2"}}]
    assert made.value({"big": {"intValue": "12345678901234567890"}, "map": {"kvlistValue": {"values": pairs}}}) == {
        "big": {"intValue": "12345678901234567890"},
        "map": {
            "kvlistValue": {
                "values": [
                    {"key": "pin", "value": {"stringValue": MASK}},
                    {"key": "a", "value": {"stringValue": MASK}},
                ]
            }
        },
    }


def test_events_and_links_keep_their_ids_and_times() -> None:
    items: list[dict[str, Any]] = [
        {"time_ns": "1795473187967755510", "name": "1795473187967755510", "attributes": {"x": "17954731879"}},
        {"trace_id": "17954731879677555101795473187967", "span_id": "1795473187967755", "trace_state": "k=17954731879"},
    ]
    masked = orjson.loads(events_or_links(rules(r"\d{8,}"), orjson.dumps(items).decode()))
    assert masked == [
        {"time_ns": items[0]["time_ns"], "name": MASK, "attributes": {"x": MASK}},
        items[1] | {"trace_state": f"k={MASK}"},
    ]


TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["secret", "a secret", "secret\n", 'say "secret"', "\\secret", "\x00secret", "\u00e9secret", ""]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(TEXTS, st.integers(-(2**53), 2**53), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=12,
)
PATTERNS = ("secret", "^secret$", r"\bsecret", "secret$", r"\Asecret\z", '"secret"', "(?i)SECRET", "[^a]secret", "s.?")


@given(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3), VALUES)
def test_to_look_at_many_texts_at_once_overlooks_none(patterns: list[str], value: Any) -> None:
    made = rules(*patterns, keys=("secret",))
    alone = made._value(value, 0, inner=False)
    assert made.value(value) == alone
    assert orjson.loads(made.stored(orjson.dumps(value).decode())) == alone
    if alone != value:
        assert made.touches(stored=["{}", orjson.dumps(value).decode(), '["others"]'])


@given(VALUES)
def test_what_matches_nothing_stays_byte_by_byte(value: Any) -> None:
    stored = orjson.dumps(value).decode()
    assert rules("no such text").stored(stored) == stored


def test_what_is_nested_too_deep_to_look_into_is_masked() -> None:
    deep: Any = "secret"
    for _ in range(600):
        deep = [deep]
    masked = orjson.dumps(rules("secret").value({"a": deep, "b": 1})).decode()
    assert "secret" not in masked
    assert masked.endswith('"b":1}')


def test_a_text_that_matches_more_often_than_is_worth_looking_for_is_masked_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.redaction.rules.MAX_LOOKED_AT_BYTES", 100_000)
    assert rules("x").text("xy" * 500) == MASK
    assert rules("x").text("xy" * 50) == f"{MASK}y" * 50


def test_a_pattern_that_would_take_for_ever_elsewhere_does_not_here() -> None:
    """Ten times the text costs some ten times: nowhere near a hundred, let alone 2^n."""
    made = rules(r"(?:a+)+b", r"(\w*)*=x")

    def cost(length: int) -> float:
        began = time.process_time()
        for _ in range(3):
            made.text("a" * length)
        return time.process_time() - began

    cost(1_000)
    assert cost(1_000_000) < 60 * max(cost(100_000), 0.001)


@pytest.mark.parametrize(
    ("builtin", "patterns", "keys", "told"),
    [
        ([], "(unclosed", [], "'(unclosed' is no regular expression of RE2's syntax: missing )"),
        ([], "fine\nlook(?=ahead)", [], "'look(?=ahead)'"),
        ([], "a*", [], "'a*' matches an empty text"),
        ([], "[1, 2]", [], "has to be a text"),
        (["bearer", "bearers"], "", [], "there is no 'bearers'. There are: bearer, jwt"),
        ([], "", ["*"], "REDACT_KEYS: '*' would mask every value"),
        ([], "", [""], "REDACT_KEYS"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(
    builtin: list[str], patterns: str, keys: list[str], told: str
) -> None:
    with pytest.raises(BadRules) as raised:
        read_rules(builtin, patterns, keys)
    assert told in str(raised.value)
    assert str(raised.value).endswith(".")
