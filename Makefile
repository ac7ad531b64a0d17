# make demo and make test do their own set-up; they need Python 3.11, make and, on Debian, apt.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ENV := .venv
BIN := $(ENV)/bin
RUN := $(ENV)/ready-run
DEV := $(ENV)/ready-dev
DEMO := demo
BROWSER := 1
NEO4J := 1
# Chromium serves the tests that open the report, Neo4j those of its store; without them (BROWSER=0,
# NEO4J=0) these are left out, not skipped.
NO_BROWSER := $(if $(filter 0,$(BROWSER)),not browser)
NO_NEO4J := $(if $(filter 0,$(NEO4J)),not neo4j)
CHOSEN := $(NO_BROWSER)$(if $(NO_BROWSER),$(if $(NO_NEO4J), and ))$(NO_NEO4J)

.PHONY: help demo test lint format bench docs constraints clean

help: ## Say what there is to make.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

$(RUN): constraints-run.txt pyproject.toml .ci/tools/python-env.sh
	@.ci/tools/python-env.sh run $(ENV)

$(DEV): constraints.txt pyproject.toml .ci/tools/python-env.sh
	@.ci/tools/python-env.sh dev $(ENV)

demo: $(RUN) ## Simulate a small world, audit it, print the findings (under 3 minutes).
	@RINGFINDER=$(BIN)/ringfinder OUT=$(DEMO) .ci/tools/demo.sh

test: $(DEV) ## Check style, types, imports, and run every test.
	@.ci/tools/compose.sh
	@$(if $(filter 0,$(BROWSER)),,.ci/tools/chromium.sh)
	@$(if $(filter 0,$(NEO4J)),,.ci/tools/neo4j.sh $(BIN)/python)
	@$(MAKE) lint
	@$(BIN)/pytest -n 2 --dist loadgroup -m "$(CHOSEN)"

lint: $(DEV) ## Check style, types and the direction of imports.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV) ## Put the code into its usual form.
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format

bench: $(DEV) ## Measure time, memory and quality, beside what else could be used (long).
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps \
	    -r tests/bench/constraints.txt
	@$(BIN)/python -m tests.bench

docs: $(DEV) ## Write the parts of the README that are derived from the code.
	@$(BIN)/python .ci/tools/readme.py --demo

constraints: ## Pin every dependency anew (needs uv); part of an upgrade, read the difference.
	@.ci/tools/constraints.sh

clean: ## Remove what the other targets made.
	@rm -rf $(ENV) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
