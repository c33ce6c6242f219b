"""One trace's keys over its spans: whole for one claim, by subtree for several; the agent's own calls are nobody's."""

from __future__ import annotations

from sandboxes.correlate.binding import Bound, Tree, around, bind
from sandboxes.correlate.keys import Evidence, Key, SpanFacts


def span(span_id: str, parent: str | None = None, *, of_sdk: bool = False) -> SpanFacts:
    return SpanFacts(span_id, parent, 0, 10, 1, of_sdk)


def key(
    span_id: str, owner: str, evidence: Evidence = Evidence.URL, *, of_log: bool = False, reaches: bool = True
) -> Key:
    return Key(span_id, owner, evidence, of_log, reaches)


def owners(bound: dict[str, Bound]) -> dict[str, str]:
    return {span_id: each.owner for span_id, each in bound.items() if each.known}


AGENT = [
    span("question"),
    span("model", "question"),
    span("create-1", "question", of_sdk=True),
    span("post-1", "create-1"),
    span("reconcile-1", "create-1"),
    span("run-2", "question", of_sdk=True),
    span("lookup-2", "run-2"),
    span("execute-2", "run-2", of_sdk=True),
    span("router-2", "execute-2"),
]


def test_a_trace_with_keys_of_one_claim_is_its_own_whole() -> None:
    bound = bind(Tree(AGENT), [key("create-1", "one", Evidence.ATTRIBUTE)])
    assert owners(bound) == dict.fromkeys((each.span_id for each in AGENT), "one")
    assert bound["create-1"] == Bound("one", Evidence.ATTRIBUTE)
    assert bound["post-1"] == Bound("one", Evidence.SUBTREE)
    assert bound["model"] == Bound("one", Evidence.SUBTREE, exact=False)


def test_what_an_annotation_names_is_certain_whole() -> None:
    bound = bind(Tree(AGENT), [key("create-1", "one", Evidence.ANNOTATION)])
    assert bound["model"] == Bound("one", Evidence.ANNOTATION)


def test_a_trace_of_two_claims_is_bound_by_subtree_and_the_agents_own_spans_are_nobodys() -> None:
    bound = bind(Tree(AGENT), [key("create-1", "one"), key("router-2", "two", Evidence.SANDBOX)])
    of_one = dict.fromkeys(("create-1", "post-1", "reconcile-1"), "one")
    of_two = dict.fromkeys(("run-2", "lookup-2", "execute-2", "router-2"), "two")
    assert owners(bound) == of_one | of_two


def test_a_name_nobody_knows_keeps_the_trace_from_being_taken_whole() -> None:
    bound = bind(Tree(AGENT), [key("create-1", "one"), key("lookup-2", "?sandbox default/x")])
    assert owners(bound) == dict.fromkeys(("create-1", "post-1", "reconcile-1"), "one")


def test_a_log_line_in_the_agents_own_span_tells_nothing_among_several_claims() -> None:
    keys = [key("create-1", "one"), key("lookup-2", "two"), key("question", "one", Evidence.LOG, of_log=True)]
    assert "model" not in owners(bind(Tree(AGENT), keys))
    assert "question" not in owners(bind(Tree(AGENT), keys))


def test_a_span_that_names_two_claims_and_what_it_caused_are_nobodys() -> None:
    keys = [key("create-1", "one"), key("create-1", "two")]
    assert owners(bind(Tree(AGENT), keys)) == {}


def test_an_sdk_span_over_two_claims_is_nobodys() -> None:
    tree = Tree([span("run", of_sdk=True), span("a", "run"), span("b", "run"), span("c", "run")])
    assert owners(bind(tree, [key("a", "one"), key("b", "two")])) == {"a": "one", "b": "two"}


def test_a_controllers_look_at_a_sandbox_tells_of_itself_alone() -> None:
    tree = Tree([span("reconcile"), span("step", "reconcile"), span("other", "reconcile")])
    keys = [key("reconcile", "one", Evidence.SANDBOX, reaches=False)]
    assert owners(bind(tree, keys)) == {"reconcile": "one"}


def test_parents_in_a_ring_and_missing_ones_are_borne() -> None:
    tree = Tree([span("a", "b", of_sdk=True), span("b", "a", of_sdk=True), span("c", "c"), span("d", "gone")])
    assert owners(bind(tree, [key("a", "one"), key("d", "two")])) == {"a": "one", "b": "one", "d": "two"}
    assert around(tree, "c", {}) == ["c"]


def test_a_trace_of_one_long_chain_is_walked_without_recursion() -> None:
    chain = [span(str(number), str(number - 1) if number else None) for number in range(20_000)]
    bound = bind(Tree(chain), [key("0", "one"), key("elsewhere", "two")])
    assert len(owners(bound)) == 20_000


def test_a_call_is_taken_with_the_sdks_span_above_it_and_what_it_caused() -> None:
    tree = Tree(AGENT)
    assert around(tree, "execute-2", {}) == ["execute-2", "lookup-2", "router-2", "run-2"]
    assert around(tree, "execute-2", {"run-2": Bound("one", Evidence.URL)}) == ["execute-2", "router-2"]
