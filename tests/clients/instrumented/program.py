"""A program that knows nothing of telemetry: it fetches a page and logs a line."""

import logging
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1]) as answer:
    answer.read()
logging.getLogger("program").info("fetched %s", sys.argv[1])
