"""AnyValue to JSON text and back: nothing that a sender said is lost, and JSONB could not change it either."""

from __future__ import annotations

import base64
import math
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList

from collector.decode.attributes import attributes_json, otlp_value, plain_json, sorted_attributes_json, value_json
from collector.decode.errors import ItemError
from tests.collector.wire import any_value, nested_attribute, pairs

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=20)
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def stored(value: Any) -> Any:
    """What the database holds of a value, parsed."""
    return orjson.loads(value_json(any_value(value).SerializeToString()))


def given_back(value: Any) -> AnyValue:
    """The value as our own OTLP export would say it."""
    return json_format.ParseDict(otlp_value(stored(value)), AnyValue())


@given(VALUES)
def test_every_value_comes_back_as_it_went_in(value: Any) -> None:
    assert given_back(value) == any_value(value)


@given(VALUES)
def test_a_jsonb_column_could_not_change_a_value(value: Any) -> None:
    """JSONB drops the order of members and tells neither 1.0 from 1 with an exponent nor -0.0 from 0."""
    text = value_json(any_value(value).SerializeToString())
    for number in _numbers(orjson.loads(text)):
        assert not (isinstance(number, float) and number == 0 and math.copysign(1, number) < 0)
        assert not (isinstance(number, float) and number.is_integer() and abs(number) >= 1e15)
        assert not (isinstance(number, int) and abs(number) > 2**53)


def _numbers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in _numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, (int, float)) else []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        (3.0, 3.0),
        ([1, "a", None, [True]], [1, "a", None, [True]]),
        ({"a": 1, "b": {"c": []}}, {"a": 1, "b": {"c": []}}),
        (None, None),
        (b"\x00\xff", {"bytesValue": "AP8="}),
        (2**53, 2**53),
        (2**53 + 1, {"intValue": "9007199254740993"}),
        (-(2**63), {"intValue": "-9223372036854775808"}),
        (-0.0, {"doubleValue": "-0.0"}),
        (1e15, {"doubleValue": "1000000000000000.0"}),
        (math.inf, {"doubleValue": "Infinity"}),
        (-math.inf, {"doubleValue": "-Infinity"}),
        ({"intValue": "7"}, {"kvlistValue": {"values": [{"key": "intValue", "value": {"stringValue": "7"}}]}}),
    ],
)
def test_plain_values_are_themselves_and_others_carry_a_tag(value: Any, expected: Any) -> None:
    assert stored(value) == expected
    assert type(stored(value)) is type(expected)


def test_not_a_number_is_kept() -> None:
    assert stored(math.nan) == {"doubleValue": "NaN"}
    assert math.isnan(given_back(math.nan).double_value)


def test_a_map_with_repeated_keys_keeps_both() -> None:
    doubled = AnyValue(kvlist_value=KeyValueList(values=[*pairs({"a": 1}), *pairs({"a": 2})]))
    text = value_json(doubled.SerializeToString())
    assert json_format.ParseDict(otlp_value(orjson.loads(text)), AnyValue()) == doubled


def test_of_equal_attribute_keys_the_last_one_wins() -> None:
    wire = [pair.SerializeToString() for pair in [*pairs({"a": 1, "b": 2}), *pairs({"a": 3})]]
    assert orjson.loads(attributes_json(wire)) == {"a": 3, "b": 2}
    assert orjson.loads(sorted_attributes_json(wire)) == {"a": 3, "b": 2}


def test_a_remembered_attribute_reads_as_one_seen_for_the_first_time() -> None:
    wire = [pair.SerializeToString() for pair in pairs({"seen": "twice", "number": 2**60, "none": None})]
    assert attributes_json(wire) == attributes_json(wire)


def test_the_order_of_attributes_does_not_tell_streams_apart() -> None:
    one, other = pairs({"b": 1, "a": 2}), pairs({"a": 2, "b": 1})
    assert sorted_attributes_json(p.SerializeToString() for p in one) == sorted_attributes_json(
        p.SerializeToString() for p in other
    )


def test_nul_becomes_the_replacement_character_in_keys_and_values() -> None:
    wire = [KeyValue(key="a\x00b", value=any_value(["c\x00", {"d\x00": "e\x00"}])).SerializeToString()]
    assert orjson.loads(attributes_json(wire)) == {"a\ufffdb": ["c\ufffd", {"d\ufffd": "e\ufffd"}]}


def test_an_attribute_that_is_not_utf8_is_refused_with_a_sentence() -> None:
    broken = KeyValue(key="k", value=any_value("ab")).SerializeToString().replace(b"ab", b"\xff\xfe")
    with pytest.raises(ItemError, match="UTF-8"):
        attributes_json([broken])


def test_an_attribute_nested_too_deep_is_refused_with_a_sentence() -> None:
    with pytest.raises(ItemError):
        attributes_json([nested_attribute(150)])


@given(VALUES)
def test_printed_values_are_kept_by_the_same_rule(value: Any) -> None:
    """The console exporters print JSON, in which bytes have no form: those aside, both ways give the same text."""
    assert orjson.loads(plain_json(_without_bytes(value))) == stored(_without_bytes(value))


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_without_bytes(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items()}
    return value
