"""What coding agents ask, by the Model Context Protocol; read-only, in a process of its own (`manage.py run_mcp`).

quoting     what programs and clusters wrote, as data: in one line, bounded, nothing invisible
asking      a tool's arguments, read as the pages' query parameters are
overview, claims, explained, pools   how it stands; claims, one of them, their pools
traces, summary, spans, logs         telemetry
latency     by stage of a start, by operation
tools       all of these, with their names and descriptions
reading     the database, for reading only
server, http  the protocol on standard input and output, and on a port

Only the last two import the library, which costs 26 MB; the web process imports none of this (a contract and a test
hold it to that). Answers are plain dicts; what is unknown is left out of them.
"""
