"""A client process that posts bodies: as many as are taken, or so many a second.

    python -m bench.load PORT CLIENT CONNECTIONS SECONDS SPANS_A_SECOND MAX_BODIES     (the last two: 0 = no limit)

Prints one JSON line: bodies taken and refused, and the time from sending to acknowledgement of each.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time

from bench.bodies import SPANS_A_BODY, Bodies

HEADERS = {"Content-Type": "application/x-protobuf"}


def main(port: int, client: int, connections: int, seconds: float, spans_per_s: int, max_bodies: int) -> None:
    bodies, lock = iter(Bodies(client)), threading.Lock()
    ack_ms: list[float] = []
    refused = taken = 0
    begin = time.perf_counter()

    def next_body() -> bytes | None:
        """Makes bodies on demand; when paced, not before their time."""
        nonlocal taken
        with lock:
            if (max_bodies and taken >= max_bodies) or time.perf_counter() - begin > seconds:
                return None
            body, due = next(bodies), begin + taken * SPANS_A_BODY / spans_per_s if spans_per_s else 0.0
            taken += 1
        time.sleep(max(0.0, due - time.perf_counter()))
        return body

    def post() -> None:
        nonlocal refused
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while (body := next_body()) is not None:
            while True:
                sent = time.perf_counter()
                connection.request("POST", "/v1/traces", body, HEADERS)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    ack_ms.append((time.perf_counter() - sent) * 1e3)
                    break
                refused += 1
                time.sleep(0.2)

    threads = [threading.Thread(target=post) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begin
    print(json.dumps({"bodies": len(ack_ms), "refused": refused, "ack_ms": ack_ms, "elapsed_s": elapsed}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
