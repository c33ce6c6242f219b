"""`manage.py import` and the drop zone take the cluster's side as they take telemetry."""

from __future__ import annotations

import io
import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from collector import importing
from collector.importing import Account, import_stream
from collector.ingest import save_now
from sandboxes.models import Claim, ObjectVersion
from tests.sandboxes.recordings import watch_lines, watch_path

pytestmark = pytest.mark.django_db


def imported(content: bytes) -> Account:
    return import_stream(io.BytesIO(content), "file", save_now, zone=None, local_zone=UTC)


def kubectl_list() -> dict[str, Any]:
    """What kubectl would have printed at the end of a recording: each object's last version."""
    last: dict[str, Any] = {}
    for line in map(json.loads, watch_lines("kubectl-made")):
        if line["type"] in ("ADDED", "MODIFIED"):
            last[line["object"]["metadata"]["uid"]] = line["object"]
        elif line["type"] == "DELETED":
            last.pop(line["object"]["metadata"]["uid"])
    return {"apiVersion": "v1", "kind": "List", "items": list(last.values()), "metadata": {"resourceVersion": ""}}


@pytest.mark.parametrize("scenario", ["quickstart-cold", "traced-warm"])  # plain, and packed
def test_a_watch_stream_is_imported_whole(scenario: str) -> None:
    out = io.StringIO()
    call_command("import", str(watch_path(scenario)), stdout=out, stderr=io.StringIO())
    last = out.getvalue().splitlines()[-1]
    assert last.startswith(f"imported: 0 spans, 0 points, 0 logs, {ObjectVersion.objects.count()} objects, ")
    assert ObjectVersion.objects.count() > 0
    assert Claim.objects.count() == {"quickstart-cold": 1, "traced-warm": 8}[scenario]


def test_importing_again_says_that_it_was_there_already() -> None:
    stream = b"\n".join(watch_lines("quickstart-cold"))
    first, again = imported(stream), imported(stream)
    assert first.objects > 0
    assert (again.objects, again.held) == (0, first.held)


def test_a_list_by_kubectl_shows_claims_and_leaves_other_kinds_out() -> None:
    account = imported(json.dumps(kubectl_list(), indent=4).encode())
    assert {claim.name: claim.state for claim in Claim.objects.all()} == {"manual-a": "ready", "manual-warm": "ready"}
    assert [problem.reason for problem in account.problems] == ["cluster objects of other kinds"]
    assert account.unreadable == 0


def test_claims_listed_by_kubectl_are_not_dated_by_the_import() -> None:
    imported(json.dumps(kubectl_list()).encode())
    claim = Claim.objects.get(name="manual-a")
    assert claim.ready_ns is not None
    assert claim.ready_ns < min(ObjectVersion.objects.values_list("received_ns", flat=True)) - 3_600 * 10**9


def test_telemetry_and_objects_may_stand_in_one_file() -> None:
    text = (Path(__file__).parent.parent / "data" / "documented-console" / "stdout.txt").read_bytes()
    account = imported(text + b"\n" + b"\n".join(watch_lines("console")))
    assert (account.spans, Claim.objects.count()) == (1, 1)


def test_a_line_that_is_no_object_is_named_and_the_rest_is_kept() -> None:
    lines = watch_lines("quickstart-cold")
    lines.insert(3, b'{"received_unix_nano":1,"resource":"pods","type":"ADDED","object":{"metadata":{}}}')
    account = imported(b"\n".join(lines))
    assert [(problem.line, problem.reason) for problem in account.problems if problem.unreadable] == [
        (4, "a Pod without a sound metadata.uid")
    ]
    assert Claim.objects.count() == 1


def test_the_drop_zone_takes_them_as_well(client: Client) -> None:
    file = SimpleUploadedFile("watch.jsonl", b"\n".join(watch_lines("quickstart-cold")))
    response = client.post("/setup/import/", {"file": file})
    assert response.status_code == 200
    assert "new cluster objects" in response.content.decode()
    assert Claim.objects.count() == 1


def test_without_a_reader_they_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "new_reader", None)
    account = imported(b"\n".join(watch_lines("quickstart-cold")))
    assert {problem.reason for problem in account.problems} == {"cluster objects: nothing here reads them"}
    assert (account.objects, account.unreadable) == (0, 0)
