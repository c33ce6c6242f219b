"""The server process as people start it: its ports, a proxy before it, beyond loopback, and what a busy port says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.collector.test_http import send, trace_request
from tests.server import COMMAND, ROOT, Server, running_server

pytestmark = [pytest.mark.server, pytest.mark.one_database]


def status_of(server: Server, path: str, **headers: str) -> int:
    try:
        server.get(path, **headers)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200


def live(server: Server, path: str = "/ws/live/", **options: Any) -> ClientConnection:
    options = {"origin": server.pages_url} | options
    return connect(f"ws://127.0.0.1:{server.pages_port}{path}", **options)


def subscribe(page: ClientConnection, topic: str) -> Any:
    page.send(json.dumps({"op": "subscribe", "id": 1, "topic": topic}))
    return json.loads(page.recv(timeout=30))


def test_it_is_ready_with_its_writer_and_its_grpc_receiver(server: Server) -> None:
    checks = server.get_json("/readyz")["checks"]
    assert [checks[name]["status"] for name in ("database", "writer", "grpc")] == ["ok", "ok", "ok"]


def test_static_files_are_kept_by_browsers_under_the_version_they_have(server: Server) -> None:
    page = server.get("/setup/").decode()
    urls = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    (version,) = {url.split("/")[2] for url in urls}
    assert len(urls) > 10
    for url in urls:
        assert cached(server, url) == "max-age=315360000, public, immutable"
    assert cached(server, "/static/css/tokens.css") == "max-age=0, public"
    other = f"/static/{'0' * 12}/css/tokens.css"  # of a page from before an upgrade, or of another server
    assert other != f"/static/{version}/css/tokens.css"
    assert b"/* " in server.get(other)
    assert cached(server, other) == "max-age=0, public"


def cached(server: Server, path: str) -> str | None:
    answer = send(server, path=path, method="GET", port=server.pages_port)
    assert answer.status == 200
    found: str | None = answer.headers["Cache-Control"]
    return found


def test_what_is_no_static_file_is_not_there(server: Server) -> None:
    assert status_of(server, "/static/css/missing.css") == 404
    assert status_of(server, "/static/../manage.py") == 404


def test_an_open_page_hears_of_data_over_its_websocket(server: Server) -> None:
    with live(server) as page:
        assert subscribe(page, "traces")["type"] == "snapshot"
        assert send(server, trace_request("heard of")).status == 200
        message = json.loads(page.recv(timeout=30))
        assert (message["topic"], message["type"]) == ("traces", "delta")
        assert message["data"]["count"] >= 1


def test_a_page_of_another_site_hears_nothing(server: Server) -> None:
    with live(server, origin="http://evil.example") as page, pytest.raises(ConnectionClosed) as closed:
        page.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


def test_the_telemetry_port_serves_no_pages(server: Server) -> None:
    for path in ("/", "/healthz", "/static/css/tokens.css", "/api/v1/status"):
        assert send(server, path=path, method="GET").status == 404
    with pytest.raises(Exception, match="403"), connect(f"ws://127.0.0.1:{server.otlp_port}/ws/live/"):
        pass


def test_behind_a_proxy_it_lives_below_its_path(tmp_path: Path) -> None:
    with running_server(tmp_path, DASHBOARD_PUBLIC_URL="https://example.org/sandboxes/") as server:
        for prefix in ("", "/sandboxes"):  # whether the proxy takes it off or not
            page = server.get(f"{prefix}/traces/").decode()
            assert 'href="/sandboxes/traces/"' in page
            assert re.search(r'src="/sandboxes/static/[0-9a-f]{12}/js/', page)
            assert b"/* " in server.get(f"{prefix}/static/css/tokens.css")
        with live(server, "/sandboxes/ws/live/", origin="https://example.org") as opened:
            assert subscribe(opened, "logs")["type"] == "snapshot"


def test_beyond_loopback_it_makes_a_token_and_prints_a_login_url(tmp_path: Path) -> None:
    with running_server(tmp_path, DASHBOARD_HOST="0.0.0.0") as server:
        assert status_of(server, "/api/v1/status") == 401
        token = (tmp_path / "token").read_text()
        assert f"/login/?token={token}" in server.log
        assert status_of(server, "/api/v1/status", Authorization=f"Bearer {token}") == 200
        assert send(server, trace_request("needs no token")).status == 200
        assert (tmp_path / "token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("variable", ["DASHBOARD_PORT", "OTLP_HTTP_PORT", "OTLP_GRPC_PORT"])
def test_a_busy_port_is_told_in_a_sentence_and_ends_with_2(tmp_path: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        server = Server(tmp_path, **{variable: port})
        ended = subprocess.run(COMMAND, env=server.environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert f"port {port}" in ended.stderr
    assert f"set {variable} to another port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_receiver_whose_port_is_0_is_off_and_its_protocol_still_served(tmp_path: Path) -> None:
    with running_server(tmp_path, OTLP_HTTP_PORT="0", OTLP_GRPC_PORT="0") as server:
        assert send(server, trace_request("on the pages' port"), port=server.pages_port).status == 200
        assert server.span_names() == {"on the pages' port"}
