"""Deletes what is old or too much, in small batches: on SQLite through the writer, on PostgreSQL beside it.

Before: rows are stored. After: there is room again, `record` says what was deleted when and why.

    stages     what can be deleted; layers above add theirs
    rows       a kind of rows, deleted oldest first
    arrivals   how old a row is: when it was received
    traces     traces, each whole
    interned   resources, scopes, operations and streams that nothing points at any more
    disk       what the data takes, and giving pages back
    pace       how large a batch may be, by how long the last ones held the writer
    passes     one pass: by age, then by bytes
    record     what was deleted when and why
    running    passes beside a server
"""
