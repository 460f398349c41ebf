# Everything a person or a pipeline does with this repository. Needs Python 3.11 or later and make; the first target
# that wants the virtual environment makes it, from versions and hashes that are written down.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.made
# The first Python that is new enough, unless PYTHON says which.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

ARGS ?=
KILLS ?= 50
SPAN ?= 60
RATE ?= 500
ROUNDS ?= 10000
SEED ?=
JOBS ?= 2

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(STAMP) ## the virtual environment, from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "innerloop needs Python 3.11 or later: set PYTHON=/path/to/python" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON); this takes a minute the first time"
	@"$(PYTHON)" -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: $(STAMP) ## watch it work, nothing else needed (ARGS=--once: to the end, without a terminal)
	@$(BIN)/innerloop demo $(ARGS)

.PHONY: test
test: $(STAMP) ## the whole suite (ARGS='-k words' for a part)
	@$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

.PHONY: unit
unit: $(STAMP) ## the quick part of it
	@$(PY) -m pytest tests/unit $(ARGS)

.PHONY: lint
lint: $(STAMP) ## style, names, forbidden calls
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

.PHONY: types
types: $(STAMP) ## mypy --strict
	@$(BIN)/mypy

.PHONY: contracts
contracts: $(STAMP) ## who may import whom
	@$(BIN)/lint-imports

.PHONY: check
check: lint types contracts test ## all of the above

.PHONY: format
format: $(STAMP) ## lay the code out
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

.PHONY: bench
bench: $(STAMP) ## throughput and latency beside a plain consumer loop
	@$(PY) -m bench $(ARGS)

.PHONY: mutations
mutations: $(STAMP) ## spoil the shipped rules at random: never a traceback, never more than 256 MB
	@$(PY) -m tests.support.mutating $(or $(MUTATIONS),10000) $(or $(SEED),1) $(or $(PROCESSES),1)

.PHONY: bench-text
bench-text: $(STAMP) ## classifying, on labelled text
	@$(PY) -m bench.text $(ARGS)

.PHONY: kill-test
kill-test: $(STAMP) ## stop workers with SIGKILL and count what is left (KILLS=50 SEED=7 ARGS=...)
	@$(PY) -m tests.acceptance.kill --kills $(KILLS) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: ordeals
ordeals: $(STAMP) ## hard nights: the store away under load, frozen replicas, a cluster's troubles (SPAN=60 RATE=500 SEED=7 ARGS=...)
	@$(PY) -m tests.acceptance.kill.ordeals --seconds $(SPAN) --rate $(RATE) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: collisions
collisions: $(STAMP) ## two workers on the same records on PostgreSQL (ROUNDS=10000 SEED=7)
	@$(PY) -m tests.support.collisions --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-header

.PHONY: lock
lock: $(STAMP) ## write requirements.lock and deploy/*.lock anew from pyproject.toml (ARGS=--upgrade for the newest versions)
	@$(COMPILE) pyproject.toml --group dev --group docs --extra demo $(ARGS) --output-file requirements.lock
	@$(COMPILE) pyproject.toml --constraint requirements.lock --output-file deploy/requirements.lock
	@$(COMPILE) --group build --constraint requirements.lock $(ARGS) --output-file deploy/build.lock

.PHONY: docs
docs: $(STAMP) ## write what docs/ takes from the code, then the site into build/site
	@$(PY) -m docs.generate
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

.PHONY: sbom
sbom: ## what is installed to run innerloop, as CycloneDX: build/sbom.cdx.json
	@test -x build/tools/bin/cyclonedx-py || "$(PYTHON)" -m venv build/tools
	@build/tools/bin/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/build.lock
	@build/tools/bin/python -W ignore -m cyclonedx_py requirements deploy/requirements.lock --pyproject pyproject.toml \
		--output-reproducible --output-file build/sbom.cdx.json

.PHONY: chart
chart: ## render deploy/helm/rendered anew from the chart (needs helm)
	@$(PY) deploy/helm/render.py

.PHONY: clean
clean: ## remove what was made here (the cache of downloads stays)
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
