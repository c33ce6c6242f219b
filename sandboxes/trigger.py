"""The one door to the Agent Sandbox SDK: claims a sandbox, uses it, deletes it, and reports as any client would.

Before: `runs.engine` says which sandbox. After: the cluster has a claim, and our own OTLP port its spans. Only the
worker loads this.

Facts about SDK 1.0.8 this rests on. Claims with explicit names are left out of its own rollback and clean-up: both are
ours. Its tracing turns itself off without a word when the gRPC exporter's package is missing. `delete_sandbox` and
`list_all_sandboxes` log errors in place of raising them: what has to be certain goes through `cluster.blocking`.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from k8s_agent_sandbox import trace_manager
from k8s_agent_sandbox.models import (
    SandboxConnectionConfig,
    SandboxDirectConnectionConfig,
    SandboxGatewayConnectionConfig,
    SandboxInClusterConnectionConfig,
    SandboxLocalTunnelConnectionConfig,
    SandboxTracerConfig,
)
from k8s_agent_sandbox.sandbox_client import SandboxClient
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from sandboxes.cluster import blocking
from sandboxes.plans import RUN_LABEL, Plan, Way

log = logging.getLogger(__name__)

SERVICE = "sandbox-run"
LISTENS_TIMEOUT_S = 3
EXPORT_DELAY_MS = 500  # the SDK's default of 5 s would leave the timelines of a running run empty


class TracingOff(RuntimeError):
    """The SDK would not trace: what a run shows would be joined by guess."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command came to."""

    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool


class _OfTheRun(SpanProcessor):
    """Labels each span with the run it is of: a process does one run after the other."""

    run_id = ""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        span.set_attribute(RUN_LABEL, self.run_id)


_of_the_run = _OfTheRun()


def report_to(endpoint: str, key: str, run_id: str) -> TracerProvider:
    """Sends this process's spans to an OTLP/HTTP endpoint, from now on as this run's. Before a sandbox is claimed.

    Raises TracingOff.
    """
    if not trace_manager.OPENTELEMETRY_AVAILABLE:
        raise TracingOff("the SDK's tracing is off: opentelemetry-exporter-otlp-proto-grpc is not installed")
    _of_the_run.run_id = run_id
    provider = _provider(endpoint)
    if _listens(endpoint):
        _send(provider, endpoint, key)
    else:
        # On the command line the dashboard may be off. The exporter would try again for ten seconds with each batch.
        log.warning("Nobody listens at %s: the claims will have no traces.", endpoint)
    return provider


@cache
def _provider(endpoint: str) -> TracerProvider:
    """This process's, for good: OpenTelemetry takes no other one after it."""
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE, "service.instance.id": uuid4().hex}))
    provider.add_span_processor(_of_the_run)
    trace.set_tracer_provider(provider)
    # The SDK would do this at the first claim, and the first sandboxes would seem to have waited for it (seconds, on a
    # busy machine). What it sets up sends by gRPC and is never asked: the provider that was there first stays.
    logging.getLogger("opentelemetry.trace").addFilter(_is_no_second_provider)
    trace_manager.initialize_tracer(SERVICE)
    # As `opentelemetry-instrument` would: requests to the sandbox are spans, and carry the trace on to the router.
    RequestsInstrumentor().instrument(tracer_provider=provider, excluded_urls=f"{endpoint}/v1/.*")
    return provider


@cache
def _send(provider: TracerProvider, endpoint: str, key: str) -> None:
    """Begins to, once."""
    headers = {"x-otlp-api-key": key} if key else None
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", headers=headers)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_DELAY_MS))


class Sandbox:
    """A claimed sandbox that is ready."""

    def __init__(self, handle: Any, plan: Plan) -> None:
        self._handle, self._plan = handle, plan
        self.name: str = handle.sandbox_id

    def run(self, command: str) -> Ran:
        """Runs a command in it. Raises what the SDK raises."""
        seconds = self._plan.command_timeout_s
        result = self._handle.commands.run(command, timeout=seconds, command_timeout=seconds)
        return Ran(result.exit_code, result.stdout, result.stderr, result.timed_out)

    def write(self, path: str, content: str) -> None:
        """Writes a file into it. Raises what the SDK raises."""
        self._handle.files.write(path, content, timeout=self._plan.command_timeout_s)

    def read(self, path: str) -> bytes:
        """A file of it. Raises what the SDK raises."""
        content: bytes = self._handle.files.read(path, timeout=self._plan.command_timeout_s)
        return content

    def close(self) -> None:
        """Ends the tunnel and the SDK's lifecycle span; the sandbox goes on."""
        self._handle.close_connection()

    def delete(self) -> None:
        """The same, and deletes its claim. Raises what the SDK raises."""
        self._handle.terminate()


class Trigger:
    """A run's connection to its cluster, for any number of threads."""

    def __init__(self, plan: Plan, run_id: str, context: str, places: int) -> None:
        """Raises NoCluster."""
        self._plan, self._run_id = plan, run_id
        self._api = blocking.client(context, places)
        self._connection = connection_of(plan)
        self._tracer = trace.get_tracer(SERVICE)
        # The first client loads the API's classes, 0.6 s of CPU: the first sandboxes would seem to have waited for it.
        SandboxClient(connection_config=self._connection, api_client=self._api)

    @contextmanager
    def traced(self, number: int, claim: str) -> Iterator[str]:
        """One trace for all that is done with a sandbox; gives its id, in hex."""
        # The claim's name as the SDK spells it: an exact key, also when its own span is lost.
        attributes: dict[str, str | int] = {
            RUN_LABEL: self._run_id,
            "sandbox_dashboard.number": number,
            "sandbox.claim.name": claim,
        }
        with self._tracer.start_as_current_span(f"{SERVICE}.sandbox", attributes=attributes) as span:
            yield format(span.get_span_context().trace_id, "032x")

    def claim(self, name: str) -> Sandbox:
        """Claims a sandbox and waits until it is ready. Raises what the SDK raises: then the claim may be there."""
        plan = self._plan
        client: SandboxClient[Any] = SandboxClient(
            connection_config=self._connection,
            tracer_config=SandboxTracerConfig(enable_tracing=True, trace_service_name=SERVICE),
            api_client=self._api,
        )
        if client.tracer is None:
            raise TracingOff("the SDK's tracing is off")
        labels = {RUN_LABEL: self._run_id}
        if plan.label:
            labels["sandbox-dashboard/label"] = plan.label
        handle = client.create_sandbox(
            plan.pool,
            plan.namespace,
            plan.ready_timeout_s,
            labels,
            claim_name=name,
            shutdown_after_seconds=plan.time_to_live_s,
            env=dict(plan.environment) or None,
        )
        return Sandbox(handle, plan)

    def delete(self, name: str) -> None:
        """Deletes a claim; one that is gone already is well. Raises ClusterError."""
        blocking.delete_claim(self._api, self._plan.namespace, name)

    def left(self) -> list[str]:
        """The run's claims that are in the cluster now, by name. Raises ClusterError."""
        return blocking.labelled_claims(self._api, self._plan.namespace, f"{RUN_LABEL}={self._run_id}")

    def close(self) -> None:
        """Closes the connections."""
        self._api.close()  # type: ignore[no-untyped-call]


def connection_of(plan: Plan) -> SandboxConnectionConfig:
    """The SDK's configuration for the plan's way to its sandboxes."""
    asked = plan.connection
    if asked.way == Way.DIRECT:
        return SandboxDirectConnectionConfig(api_url=asked.url)
    if asked.way == Way.GATEWAY:
        return SandboxGatewayConnectionConfig(gateway_name=asked.gateway, gateway_namespace=asked.gateway_namespace)
    if asked.way == Way.IN_CLUSTER:
        return SandboxInClusterConnectionConfig()
    return SandboxLocalTunnelConnectionConfig(router_namespace=asked.router_namespace)


def _listens(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), LISTENS_TIMEOUT_S).close()
    except (OSError, ValueError):
        return False
    return True


def _is_no_second_provider(record: logging.LogRecord) -> bool:
    """The one warning that is expected: the SDK sets a provider of its own."""
    return "Overriding of current TracerProvider" not in record.getMessage()
