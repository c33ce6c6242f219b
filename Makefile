# `make run` and `make test` need Python 3.11 or newer with venv, and make; nothing else.
# Parts of the tests need more (PostgreSQL, Node.js, Chromium): without it they are skipped and say what to install;
# with REQUIRE_ALL=1 they fail instead.

VENV := .venv
PYTHON_IN := $(VENV)/bin/python
PIP := $(PYTHON_IN) -m pip --quiet --disable-pip-version-check
PYTEST := $(PYTHON_IN) -m pytest
PARALLEL := --numprocesses=2 # two cores: half the time
JAVASCRIPT := tests/clients/javascript
CLIENTS := $(VENV)/instrumented/installed $(JAVASCRIPT)/node_modules/.installed
SLOW := --ignore=tests/browser --ignore=tests/faults --ignore=tests/cluster

.DEFAULT_GOAL := help
.PHONY: help run demo test test-sqlite test-postgresql test-long test-browser test-faults cluster-tools test-cluster bench lint

help:
	@echo "make run           start the dashboard: http://127.0.0.1:8000/"
	@echo "make demo          the same with recorded sessions in it, apart from your own data"
	@echo "make test          the tests, on SQLite and on PostgreSQL"
	@echo "make test-long     recorded sessions in every order, real programs; on both databases"
	@echo "make test-browser  the pages in Chromium"
	@echo "make test-faults   kill -9 under load, overload, clean stops; on both databases"
	@echo "make test-cluster  claims of a real control plane; make cluster-tools builds it once, with Go"
	@echo "make lint          ruff, mypy, import contracts, migrations"
	@echo "make bench         speed and memory (BENCH_SECONDS, BENCH_SPANS, BENCH_CLAIMS)"

run: $(VENV)/installed
	@$(PYTHON_IN) manage.py up

demo: $(VENV)/installed
	@$(PYTHON_IN) manage.py demo

test: test-sqlite test-postgresql

test-sqlite: $(VENV)/installed-dev $(CLIENTS)
	$(PYTEST) $(PARALLEL) $(SLOW) -m "not long"

# Plain functions are the same on both databases: they have been tested.
test-postgresql: $(VENV)/installed-dev $(CLIENTS)
	$(PYTHON_IN) -m tests.postgresql $(PYTEST) $(PARALLEL) --database-only $(SLOW) -m "not long"

# Every recorded session, whole and in every order, and real programs: what would make `make test` a matter of minutes.
test-long: $(VENV)/installed-dev $(CLIENTS)
	$(PYTEST) $(PARALLEL) $(SLOW) -m long
	$(PYTHON_IN) -m tests.postgresql $(PYTEST) $(PARALLEL) --database-only $(SLOW) -m long

test-browser: $(VENV)/installed-dev
	$(PYTEST) tests/browser

test-faults: $(VENV)/installed-dev
	$(PYTEST) tests/faults
	$(PYTHON_IN) -m tests.postgresql $(PYTEST) tests/faults

cluster-tools: $(VENV)/installed-dev
	@$(PYTHON_IN) -m tests.cluster.build

test-cluster: $(VENV)/installed-dev $(VENV)/documented/installed $(VENV)/python-runtime/installed
	$(PYTEST) tests/cluster

bench: $(VENV)/installed-dev
	@$(PYTHON_IN) -m bench
	@$(PYTHON_IN) -m bench.retention

lint: $(VENV)/installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(PYTHON_IN) manage.py makemigrations --check --dry-run

# What is installed is renewed when pyproject.toml changes, and only then.
$(VENV)/installed: pyproject.toml | $(VENV)/made
	@echo "Installing what the dashboard needs (a minute, once) ..."
	@$(PYTHON_IN) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
		>$(VENV)/requirements.txt
	@$(PIP) install --requirement $(VENV)/requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what its tests need ..."
	@$(PIP) install "pip>=25.1" # the first that reads dependency groups
	@$(PIP) install --group dev
	@touch $@

$(VENV)/made:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			"$$python" -m venv $(VENV) && touch $@; exit; \
		fi; \
	done; \
	echo "Python 3.11 or newer with venv was not found: install it (Debian: apt-get install python3-venv)." >&2; exit 1

# Programs that send us telemetry: an environment of older packages than ours, and the exporters from npm.
$(VENV)/instrumented/installed: tests/clients/instrumented/requirements.txt | $(VENV)/made
	@echo "Installing opentelemetry-instrument ..."
	@$(PYTHON_IN) -m venv $(VENV)/instrumented
	@$(VENV)/instrumented/bin/python -m pip --quiet --disable-pip-version-check install --requirement $<
	@touch $@

# The documented program, and what answers it in a sandbox.
$(VENV)/documented/installed: tests/clients/documented/requirements.txt | $(VENV)/made
	@echo "Installing the Agent Sandbox SDK ..."
	@$(PYTHON_IN) -m venv $(VENV)/documented
	@$(VENV)/documented/bin/python -m pip --quiet --disable-pip-version-check install --requirement $<
	@touch $@

$(VENV)/python-runtime/installed: tests/cluster/runtime/requirements.txt | $(VENV)/made
	@echo "Installing what Agent Sandbox's python runtime needs ..."
	@$(PYTHON_IN) -m venv $(VENV)/python-runtime
	@$(VENV)/python-runtime/bin/python -m pip --quiet --disable-pip-version-check install --requirement $<
	@touch $@

$(JAVASCRIPT)/node_modules/.installed: $(JAVASCRIPT)/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing the JavaScript exporters ..."; \
		npm ci --prefix $(JAVASCRIPT) --silent --no-audit --no-fund && touch $@; \
	fi
