# The whole project in a few words. Only Python 3.11+ and make have to be there.
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python

.PHONY: help run setup setup-dev check test test-sqlite test-pg bench format messages lock clean

help:  ## List these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: setup  ## Install what is missing, load the demo once, serve on http://localhost:8000/ (PORT=... for another)
	@exec $(VENV_PYTHON) scripts/run.py

setup:  ## Make .venv with the pinned packages
	@$(PYTHON) scripts/setup.py

setup-dev:  ## The same with the packages for tests and checks
	@$(PYTHON) scripts/setup.py --dev

check: setup-dev  ## Format, lint, types, layers, migrations, templates, translations
	@$(VENV_PYTHON) scripts/check.py

test: setup-dev  ## The suite on SQLite, then on PostgreSQL
	@$(VENV_PYTHON) scripts/test.py all $(PYTEST_ARGS)

test-sqlite: setup-dev  ## The suite on SQLite only
	@$(VENV_PYTHON) scripts/test.py sqlite $(PYTEST_ARGS)

test-pg: setup-dev  ## The suite on PostgreSQL only
	@$(VENV_PYTHON) scripts/test.py postgres $(PYTEST_ARGS)

bench: setup-dev  ## The measurements of docs/performance.md on PostgreSQL
	@$(VENV_PYTHON) scripts/postgres.py $(VENV_PYTHON) -m bench $(BENCH_ARGS)

format: setup-dev  ## Put the code and the templates into shape
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format --quiet .
	@find templates -name '*.html' -print0 | xargs -0 .venv/bin/djade --target-version 5.2 || true

messages: setup-dev  ## Take new texts into the Russian catalogue, compile it, list what is not translated
	@$(VENV_PYTHON) scripts/messages.py

lock: setup-dev  ## Pin the newest versions that requirements*.in allow
	@$(VENV_PYTHON) scripts/lock.py

clean:  ## Remove the environment, the demo's data and all caches
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
