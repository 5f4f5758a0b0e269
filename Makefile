# Every target sets up what it needs; `make` alone lists them.
# PYTHON=...       the interpreter for .venv (default: the first of 3.13, 3.12, 3.11, 3.14 that runs)
# VENV=...         the environment to use (default: .venv), one for each Python if you like
# TOOLS=...        files of tools for `make run` (default: those of manifests/tools/)
# ARGS=...         options for `make run`, such as ARGS="--port 9000"
# PYTEST_ARGS=...  options for the tests, such as PYTEST_ARGS="-n 0 -k diff"

PYTHON ?=
VENV ?= .venv
TOOLS ?= $(wildcard manifests/tools/*.py)
ARGS ?=
PYTEST_ARGS ?=
RELEASES ?=
BENCH ?=
PLOT ?=
UV_VERSION := 0.13.9

BIN := $(VENV)/bin
MADE := $(VENV)/.made
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
UV := VIRTUAL_ENV="$(abspath $(VENV))" $(BIN)/uv pip

# The tests that start no server: what may differ from one Python to the next.
PURE := tests/diff tests/manifest tests/packaging tests/render tests/scenarios tests/specification
LOCK := $(UV) compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(LOCK_ARGS)

.DELETE_ON_ERROR:
.PHONY: help setup dev run test test-unit test-pure check compat bench format lock clean

help:
	@echo "make setup    $(VENV) with the command $(BIN)/otto-reconcile"
	@echo "make run      otto-reconcile run, with TOOLS and ARGS"
	@echo "make test     check, then the tests, with PYTEST_ARGS"
	@echo "make test-unit  only the tests that start no process: within a minute"
	@echo "make test-pure  check, then only the tests that start no server"
	@echo "make check    lint, format, types and layers"
	@echo "make compat   the contract with Parlant, on each supported release: every week, say"
	@echo "make bench    the benchmarks; BENCH=idle,heal for some of them, PLOT=file.svg for a picture"
	@echo "make format   lay out the code and mend what ruff can"
	@echo "make lock     renew the lock files; LOCK_ARGS=--upgrade for newer versions"
	@echo "make clean    remove environments, caches and builds (never .otto)"

$(MADE): scripts/make-venv scripts/pythons
	@scripts/make-venv $(VENV) $(UV_VERSION) "$(PYTHON)"
	@touch $@

$(RUN): $(MADE) requirements.lock pyproject.toml
	@$(UV) sync --quiet requirements.lock
	@$(UV) install --quiet --no-deps --editable .
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@$(UV) sync --quiet requirements-dev.lock
	@$(UV) install --quiet --no-deps --editable .
	@touch $@

setup: $(RUN)
	@echo "Ready: $(BIN)/otto-reconcile"

dev: $(DEV)

run: $(RUN)
	@exec $(BIN)/otto-reconcile run $(TOOLS:%=--tools %) $(ARGS)

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One file of tests stays in one process, so that its servers are started once; those that take
# longest go first (tests/conftest.py), not those with most tests. More processes than cores: many
# tests wait for a daemon, or for a lease to run out.
WORKERS ?= 6
test: check
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-unit: $(DEV)
	OTTO_TEST_QUICK=1 $(BIN)/pytest -n 2 -q -m unit $(PYTEST_ARGS)

# For each supported Python; `.ci/run` does it on every one that the machine has.
test-pure: check
	$(BIN)/pytest -n 0 -q $(PURE) $(PYTEST_ARGS)

# RELEASES="3.2" for some of them; not part of `make test`, since it installs other versions.
compat: $(DEV)
	$(BIN)/python scripts/compat $(BIN)/uv $(RELEASES)

# BENCH=idle,heal for some of them; PLOT=file.svg for a picture.
bench: $(DEV)
	$(BIN)/python -m benchmarks $(BENCH) $(if $(PLOT),--plot $(PLOT))

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(MADE)
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock

clean:
	rm -rf .venv .pythons .compat build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
