"""The server is killed while it joins telemetry with claims: the links are those of a run that nothing disturbed."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.sandboxes.recordings import DATA, watch_path
from tests.server import ROOT, Server, wait_for

pytestmark = pytest.mark.server

WAIT_S = 120  # only a failure takes that long
CONTENT = {"Content-Type": "application/x-protobuf"}

Links = set[tuple[Any, ...]]


def bodies_of(scenario: str) -> list[tuple[str, bytes]]:
    """What its programs sent, by signal; what names a claim comes in pieces, as it did."""
    folder = DATA / scenario / "otlp"
    entries = map(json.loads, (folder / "index.jsonl").read_text().splitlines())
    return [(entry["signal"], (folder / entry["file"]).read_bytes()) for entry in entries]


def send(server: Server, signal: str, body: bytes) -> None:
    request = urllib.request.Request(f"{server.otlp_url}/v1/{signal}", body, CONTENT)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


JOINED = """
SELECT coalesce((SELECT position FROM sandboxes_cursor WHERE name = 'correlate hints'), 0)
    >= coalesce((SELECT max(id) FROM sandboxes_hint WHERE kind <> 'annotation'), 0)
   AND coalesce((SELECT position FROM sandboxes_cursor WHERE name = 'correlate claims'), 0)
    >= coalesce((SELECT max(changed_ns) FROM sandboxes_claim), 0)
"""


def is_joined(server: Server) -> bool:
    """Whether every hint and every change of a claim has been looked at."""
    return bool(server.rows(JOINED)[0][0])


def joined(folder: Path, scenario: str, killed_after: Collection[int]) -> tuple[Links, list[bool]]:
    """The links in the end, and of each kill whether it left something to be joined."""
    server = Server(folder)
    left: list[bool] = []
    server.start()
    command = [sys.executable, "manage.py", "import", str(watch_path(scenario))]
    subprocess.run(command, env=server.environment, cwd=ROOT, check=True, capture_output=True, timeout=WAIT_S)
    for number, (signal, body) in enumerate(bodies_of(scenario)):
        send(server, signal, body)
        if number in killed_after:
            server.kill()
            left.append(not is_joined(server))
            server.start()
    wait_for(lambda: is_joined(server), WAIT_S)
    server.stop()  # after the step it is in
    assert is_joined(server)
    columns = "claim_uid, trace_id, span_id, evidence, certainty"
    return {
        (uid, bytes(trace), bytes(span), *rest)
        for uid, trace, span, *rest in server.rows(f"SELECT {columns} FROM sandboxes_link")
    }, left


@pytest.mark.parametrize("scenario", ["failures", "traced-warm"])
def test_killed_while_joining_it_has_the_same_links_in_the_end(tmp_path: Path, scenario: str) -> None:
    telling = [number for number, (signal, _) in enumerate(bodies_of(scenario)) if signal != "metrics"]
    folders = tmp_path / "undisturbed", tmp_path / "killed"
    for folder in folders:
        folder.mkdir()
    undisturbed, _ = joined(folders[0], scenario, ())
    disturbed, left = joined(folders[1], scenario, telling[:: max(1, len(telling) // 4)])
    assert len(undisturbed) > 30
    assert any(left)
    assert disturbed == undisturbed
