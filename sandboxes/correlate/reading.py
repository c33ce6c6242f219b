"""Spans and hints of traces out of the database, as `keys` and `binding` take them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from collector.models import Operation, Scope, Span
from sandboxes.correlate.keys import HintFacts, SpanFacts
from sandboxes.hints import HintKind
from sandboxes.models import Hint

MAX_SPANS = 20_000  # of traces read at once; an SDK's trace has a dozen, an agent's some thousands
KIND_INTERNAL = 1
MADE_FOR_IT = frozenset({HintKind.COMMAND, HintKind.CALL})

# What the SDK's spans are called behind the first part, which is the service's name as the program gave it.
SDK_CALLS = frozenset(
    (
        *("create_claim", "wait_for_claim_ready", "wait_for_sandbox_ready", "delete_claim", "suspend", "resume"),
        *("resolve_sandbox_name", "verify_claim_exists", "reconnect", "agent_query"),
        *("run", "write", "read", "read_to", "list", "exists", "delete"),
    )
)
SDK_CLIENT = "sandbox-client"

COLUMNS = (
    *("trace_id", "span_id", "parent_span_id", "start_ns", "duration_ns"),
    *("resource_id", "operation_id", "scope_id"),
)


def hint_facts(row: Hint) -> HintFacts:
    """A row of hints."""
    return HintFacts(
        HintKind(row.kind),
        row.value,
        row.namespace,
        row.trace_id or "",
        row.span_id or "",
        row.time_ns,
        row.resource_id,
    )


def read_hints(trace_ids: Collection[str]) -> dict[str, list[HintFacts]]:
    """All that these traces say, by trace id."""
    found: dict[str, list[HintFacts]] = defaultdict(list)
    rows = Hint.objects.filter(trace_id__in=list(trace_ids)).exclude(kind=HintKind.MORE)
    for row in rows.order_by("id"):
        found[row.trace_id].append(hint_facts(row))
    return found


def read_spans(trace_ids: Collection[str]) -> dict[str, dict[str, SpanFacts]]:
    """The spans of these traces, by trace id and span id."""
    wanted = list(trace_ids)
    hints = Hint.objects.filter(trace_id__in=wanted, kind__in=MADE_FOR_IT)
    calls = set(hints.values_list("trace_id", "span_id"))
    rows = list(Span.objects.filter(trace_id__in=wanted).order_by("id").values_list(*COLUMNS)[:MAX_SPANS])
    operations = Operation.objects.in_bulk({row[-2] for row in rows})
    scopes = Scope.objects.in_bulk({row[-1] for row in rows})
    found: dict[str, dict[str, SpanFacts]] = defaultdict(dict)
    for trace_id, span_id, parent, start_ns, duration_ns, resource_id, operation_id, scope_id in rows:
        operation, scope = operations.get(operation_id), scopes.get(scope_id)
        of_sdk = (trace_id, span_id) in calls or bool(operation and scope and is_of_sdk(operation, scope.name))
        end_ns = start_ns + (duration_ns or 0)
        found[trace_id][span_id] = SpanFacts(span_id, parent, start_ns, end_ns, resource_id, of_sdk)
    return found


def is_of_sdk(operation: Operation, scope: str) -> bool:
    """Whether the SDK makes such spans: it names its scope after the same service, with other dashes."""
    service, _, call = operation.name.rpartition(".")
    named = service == SDK_CLIENT or (bool(service) and service.replace("-", "_") == scope)
    return operation.kind == KIND_INTERNAL and call in SDK_CALLS and named
