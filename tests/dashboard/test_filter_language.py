"""The filter language: what is read from a text, and where it says that it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conditions import And, Compare, Condition, Field, Not, Op, Or
from dashboard.filter_language import FilterError, read_filter
from tests.factories import SECOND


def attribute(key: str, op: Op, value: str | None = None) -> Compare:
    return Compare(Field.ATTRIBUTE, op, value, key)


A, B, C = (attribute(key, Op.EQUAL, "1") for key in "abc")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a=1", A),
        (" a = 1 and b = 1 ", And((A, B))),
        ("a=1 and b=1 or c=1", Or((And((A, B)), C))),
        ("a=1 and (b=1 or c=1)", And((A, Or((B, C))))),
        ("NOT a=1 AND b=1", And((Not(A), B))),
        ("a == 1", A),
        ("a != 1", attribute("a", Op.UNEQUAL, "1")),
        ("android = and", attribute("android", Op.EQUAL, "and")),
        ("a = *", attribute("a", Op.THERE)),
        ("a != *", Not(attribute("a", Op.THERE))),
        ('a = "*"', attribute("a", Op.EQUAL, "*")),
        ('"a key" ~ "it said \\"no\\""', attribute("a key", Op.CONTAINS, 'it said "no"')),
        ("service = shop", Compare(Field.SERVICE, Op.EQUAL, "shop")),
        ('"service" = shop', attribute("service", Op.EQUAL, "shop")),
        ("span.service = shop", Compare(Field.SPAN_ATTRIBUTE, Op.EQUAL, "shop", "service")),
        ("resource.k8s.pod.name = x", Compare(Field.RESOURCE_ATTRIBUTE, Op.EQUAL, "x", "k8s.pod.name")),
        ("duration >= 1.5s", Compare(Field.DURATION, Op.AT_LEAST, 3 * SECOND // 2)),
        ("kind = Server", Compare(Field.KIND, Op.EQUAL, 2)),
        ("status != error", Compare(Field.STATUS, Op.UNEQUAL, 2)),
        ("root = true", Compare(Field.ROOT, Op.EQUAL, True)),
        ('"agent run" and a=1', And((Compare(Field.TEXT, Op.CONTAINS, "agent run"), A))),
    ],
)  # fmt: skip
def test_it_reads(text: str, read: Condition) -> None:
    assert read_filter(text) == read


@pytest.mark.parametrize("text", ["agent run", "a and b", "not this", "(what)", "https://shop/execute", "abcd1234"])
def test_a_text_without_an_operator_is_looked_for_as_it_stands(text: str) -> None:
    assert read_filter(text) == text


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("service = ", 10, "a value is missing"),
        ("= shop", 0, "a comparison begins"),
        ("a = 1 b = 2", 6, "and, or, or the end"),
        ("a = 1 and", 9, "a comparison begins"),
        ("(a = 1", 6, "a parenthesis is not closed"),
        ("a = 1)", 5, "no parenthesis was opened"),
        ('a = "x', 4, "the quote is not closed"),
        ("duration > 5", 11, "is not a duration"),
        ("duration ~ 5s", 9, "duration is compared with"),
        ("kind = servr", 7, "Did you mean server?"),
        ("trace_id = zz", 11, "4 to 32 hexadecimal digits"),
        ("a > *", 4, "* stands for any value"),
        ("status = *", 9, "every span has status"),
        ("not " * 30 + "a = 1", None, "too long"),
        (" or ".join(["a = 1"] * 31), None, "too long"),
    ],
)
def test_it_says_what_is_wrong_and_where(text: str, at: int | None, words: str) -> None:
    with pytest.raises(FilterError, match="cannot be read at character") as refused:
        read_filter(text.ljust(10) if text == "service = " else text)
    assert words in str(refused.value)
    assert at is None or refused.value.at in (at, at - 1), refused.value


@given(st.text(alphabet='abc=<>!~"()*\\ .\x000\u00e91', max_size=60))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    at = 0
    try:
        read_filter(text)
    except FilterError as error:
        at = error.at
    assert 0 <= at <= len(text)
