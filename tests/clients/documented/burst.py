"""An agent that works on many things at once: a sandbox for each, all of it traced. It prints whose each trace is.

Before: ROUTER_URL, a pool's name, how many. After: the claims are left open; one line of JSON for each: its name, and
the traces of what was done for it, as the program itself knows them.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from k8s_agent_sandbox import SandboxClient
from k8s_agent_sandbox.models import SandboxDirectConnectionConfig, SandboxTracerConfig
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor

pool, number = sys.argv[1], int(sys.argv[2])
started: ContextVar[list[str]] = ContextVar("started")


class Notes(SpanProcessor):
    """Writes down which traces begin while a thread works for one claim."""

    def on_start(self, span, parent_context=None):
        if (traces := started.get(None)) is not None:
            traces.append(f"{span.get_span_context().trace_id:032x}")


trace.get_tracer_provider().add_span_processor(Notes())
client = SandboxClient(
    connection_config=SandboxDirectConnectionConfig(api_url=os.environ["ROUTER_URL"]),
    tracer_config=SandboxTracerConfig(enable_tracing=True, trace_service_name="agent"),
)


def work(_):
    traces = []
    started.set(traces)
    sandbox = client.create_sandbox(pool)
    assert sandbox.commands.run("echo done").exit_code == 0
    print(json.dumps({"claim": sandbox.claim_name, "traces": sorted(set(traces))}), flush=True)


with ThreadPoolExecutor(8) as executor:
    list(executor.map(work, range(number)))
