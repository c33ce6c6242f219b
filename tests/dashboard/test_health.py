"""What a supervisor asks: is it alive, is it ready, what has it done."""

from __future__ import annotations

from django.test import Client

from dashboard import kept


def test_it_is_alive_without_a_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


def test_it_is_not_ready_while_telemetry_would_not_be_kept(db: None, client: Client) -> None:
    answer = client.get("/readyz")
    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert {name: check["status"] for name, check in checks.items()} == {
        "database": "ok",
        "writer": "failed",  # no server runs in this test
        "watcher": "off",
        "worker": "ok",
        "mcp": "off",
        "grpc": "failed",
    }


def test_the_status_gives_nanoseconds_as_strings(db: None, client: Client) -> None:
    status = client.get("/api/v1/status").json()
    assert status["started_ns"].isdigit()
    assert status["cpu_ns"]["process"].isdigit()
    assert (status["spans"], status["last_receipt_ns"]) == (0, None)


def test_the_documents_status_leaves_out_nothing_that_is_known_of_retention(db: None, client: Client) -> None:
    assert client.get("/api/v1/status").json()["retention"].keys() == (kept.status() or {}).keys()
    assert client.get("/api/v1/status?x=1").status_code == 400
