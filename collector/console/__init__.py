"""Text printed by OpenTelemetry's console exporters (Python SDK), mixed with log lines and program output, to records.

Before: `files` opens the text and lets `Scanner` find its pieces. After: `files` hands each batch of `ConsoleReader`
to `ingest`. Plain Python. The shapes are those of the SDK's own to_json methods (1.39 to 1.45).
"""

from collector.console.found import FoundLine, FoundObject, Problem
from collector.console.reader import ConsoleReader
from collector.console.scan import Scanner

__all__ = ["ConsoleReader", "FoundLine", "FoundObject", "Problem", "Scanner"]
