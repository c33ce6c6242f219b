"""What the machine can do: the same rows, decoded beforehand, into bare SQLite by executemany.

python -m bench.baseline SECONDS        prints rows a second
"""

from __future__ import annotations

import itertools
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from bench.bodies import SPANS_A_BODY, Bodies
from collector.decode import decode
from collector.records import NS_PER_DAY

BODIES = 64


def main(seconds: float) -> None:
    batches = [decode("traces", body, "protobuf") for body in itertools.islice(Bodies(99), BODIES)]
    rows = [[(s[3], s[4], s[6] // NS_PER_DAY, 1, 1, s[2] + 1, *s[5:]) for s in batch.spans] for batch in batches]
    width = len(rows[0][0])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = sqlite3.connect(Path(folder) / "baseline.sqlite3", isolation_level=None)
        database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;")
        columns = ",".join(f"c{number}" for number in range(width))
        database.execute(f"CREATE TABLE span (id INTEGER PRIMARY KEY, {columns})")
        # The same keys as collector_span: identity, start, operation with start (c8 is start_ns, c5 the operation).
        database.execute("CREATE UNIQUE INDEX one ON span (c0, c1, c2)")
        database.execute("CREATE INDEX two ON span (c7)")
        database.execute("CREATE INDEX three ON span (c5, c7)")
        insert = f"INSERT INTO span ({columns}) VALUES ({','.join('?' * width)})"
        begin, stored, round_number = time.perf_counter(), 0, 0
        while time.perf_counter() - begin < seconds:
            for batch in rows:
                if round_number:  # the same rows with other ids
                    batch = [(row[0][:12] + round_number.to_bytes(4, "big"), *row[1:]) for row in batch]
                database.execute("BEGIN IMMEDIATE")
                database.executemany(insert, batch)
                database.execute("COMMIT")
                stored += SPANS_A_BODY
            round_number += 1
        print(round(stored / (time.perf_counter() - begin)))


if __name__ == "__main__":
    main(float(sys.argv[1]))
