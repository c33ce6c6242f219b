"""What spans.csv of many spans costs: rows a second, memory, and what it takes from those who send meanwhile.

    python -m bench.export SPANS SECONDS        prints one table

The spans are stored by real clients. Senders then run alone and beside downloads, for the same time each, four times in
turn; the file is downloaded by another process, as it would be. Rows a CPU second are what a quiet machine gives a
second: what writes a long list gives way to everything else that runs.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.request

from bench.bodies import SPANS_A_BODY
from bench.server import ROOT, Server, running_server
from bench.tables import table

PIECE_BYTES = 1 << 20
CONNECTIONS = 4
ROUNDS = 4


def main(spans: int, seconds: float) -> None:
    with running_server(DASHBOARD_CLUSTER="off") as server:
        _send(server, 3_600, spans // SPANS_A_BODY + 1)
        stored, before_mb = server.status()["spans"], server.own_mb()
        stop, most_mb = threading.Event(), [(before_mb, 0.0)]
        watching = threading.Thread(target=_watch, args=(server, stop, most_mb))
        watching.start()
        cpu_s, writer_cpu_s = server.cpu_s(), server.ended_cpu_s()
        rows, rows_s = _download(server)
        cpu_s, writer_cpu_s = server.cpu_s() - cpu_s, server.ended_cpu_s() - writer_cpu_s
        stop.set()
        watching.join()
        alone = beside = 0.0
        for _ in range(ROUNDS):
            alone += _send(server, seconds / ROUNDS, 0) / ROUNDS
            downloading = threading.Thread(
                target=_download_until, args=(server, time.perf_counter() + seconds / ROUNDS)
            )
            downloading.start()
            beside += _send(server, seconds / ROUNDS, 0) / ROUNDS
            downloading.join()
        table(
            f"spans.csv of {stored:,} spans",
            [
                ("rows/s", f"{rows / rows_s:,.0f}"),
                ("rows per CPU second of the process that writes", f"{rows / writer_cpu_s:,.0f}"),
                ("rows per CPU second of the server", f"{rows / cpu_s:,.0f}"),
                ("memory of the server grew by", f"{max(own for own, _ in most_mb) - before_mb:.0f} MB"),
                ("memory of the process that writes", f"{max(writer for _, writer in most_mb):.0f} MB"),
                ("spans/s received alone", f"{alone:,.0f}"),
                ("spans/s received beside downloads", f"{beside:,.0f} ({beside / alone - 1:+.0%})"),
            ],
        )


def _send(server: Server, seconds: float, bodies: int) -> float:
    """Spans a second that the server took."""
    before, began = server.status()["spans"], time.perf_counter()
    arguments = [str(server.otlp_port), "0", str(CONNECTIONS), str(seconds), "0", str(bodies)]
    subprocess.run([sys.executable, "-m", "bench.load", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    spans: int = server.status()["spans"] - before
    return spans / (time.perf_counter() - began)


def _download(server: Server) -> tuple[int, float]:
    """(rows, seconds); lines are rows here: no text of these spans has a line break."""
    lines, began = 0, time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.pages_port}/export/spans.csv", timeout=600) as answer:
        while piece := answer.read(PIECE_BYTES):
            lines += piece.count(b"\n")
    return lines - 1, time.perf_counter() - began


def _download_until(server: Server, end_s: float) -> None:
    """One after the other."""
    while time.perf_counter() < end_s:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.pages_port}/export/spans.csv", timeout=600) as answer:
            while answer.read(PIECE_BYTES) and time.perf_counter() < end_s:
                pass


def _watch(server: Server, stop: threading.Event, most_mb: list[tuple[float, float]]) -> None:
    while not stop.wait(0.05):
        most_mb.append((server.own_mb(), sum(server.children_mb())))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
