# Every command of the project. All need Python >= 3.11, git and make only; `make test-services` also needs its servers.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUNNABLE := $(VENV)/.base-requirements
INSTALLED := $(VENV)/.requirements

export PYTHONUNBUFFERED := 1

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: setup
setup: $(INSTALLED) ## The virtual environment with every locked dependency

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 on the PATH; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r

# What running needs, without the tools of development: the demo's first start is a good deal shorter.
$(RUNNABLE): requirements/base.txt | $(BIN)/python
	$(INSTALL) $<
	touch $@

$(INSTALLED): requirements/dev.txt | $(BIN)/python
	$(INSTALL) $<
	touch $@ $(RUNNABLE)

.PHONY: demo
demo: $(RUNNABLE) ## The main job on a real crash, from the report to the pull request
	$(BIN)/python -m demo

.PHONY: serve
serve: $(RUNNABLE) ## Web, worker and beat with the demo's data to look at
	$(BIN)/python -m demo.serve

# A file's tests stay together: some share a site that takes long to start.
TEST_WORKERS ?= 2
PYTEST := $(BIN)/pytest -rs -n $(TEST_WORKERS) --dist loadfile

.PHONY: test
test: setup ## The whole suite on the embedded default
	env -u DATABASE_URL -u CELERY_BROKER_URL -u CACHE_URL $(PYTEST) --cov $(PYTEST_ARGS)

.PHONY: test-services
test-services: export DATABASE_URL ?= postgres://postgres@127.0.0.1:5432/test
test-services: export CELERY_BROKER_URL ?= redis://127.0.0.1:6379/0
test-services: export CACHE_URL ?= redis://127.0.0.1:6379/1
test-services: setup ## The same suite on PostgreSQL and Redis, at the addresses in the environment
	$(PYTEST) $(PYTEST_ARGS)

.PHONY: test-faults
test-faults: setup ## The whole fault matrix and every broker, on what the environment names; the embedded default without
	$(PYTEST) --dist load tests/faults -m "faults_long or not faults_long" $(PYTEST_ARGS)

.PHONY: check
check: export AUTOFIX_DATA_DIR := $(VENV)/check-data
check: setup ## Lint, types, import contracts, migrations, settings, API schema, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(BIN)/pytest -q tests/unit/test_architecture.py tests/unit/test_docs.py

.PHONY: browser
browser: ## Chromium for the browser tests, where this machine can install it; without one they are skipped and say so
	@if command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		{ apt-get install -y -qq chromium || { apt-get update -qq && apt-get install -y -qq chromium; }; } >/dev/null 2>&1 \
			|| echo "Chromium could not be installed: the browser tests will be skipped"; \
	else echo "no Chromium here, and no way to install it: the browser tests will be skipped"; fi

.PHONY: screenshots
screenshots: setup ## The pictures in docs/screenshots, taken anew
	$(BIN)/python -m tests.browser.screenshots

.PHONY: measure-page
measure-page: setup ## How soon the panel can be used, how heavy its page is, what 2,000 blocks cost it
	$(BIN)/python -m tests.browser.measure

.PHONY: bench
bench: setup ## What we claim, measured side by side
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

.PHONY: format
format: setup ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Locked for every platform and Python >= 3.11; the files name no index, so any mirror serves them.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-strip-extras --custom-compile-command "make lock" $(LOCK_ARGS) pyproject.toml

.PHONY: lock
lock: setup ## Lock the dependencies again (LOCK_ARGS=--upgrade for the newest)
	$(COMPILE) --extra demo --output-file requirements/base.txt
	$(COMPILE) --extra dev --constraints requirements/base.txt --output-file requirements/dev.txt
	$(INSTALL) requirements/dev.txt
	touch $(INSTALLED) $(RUNNABLE)

.PHONY: clean
clean: ## Remove what was generated, but not the data in var/
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
