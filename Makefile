# SAEMI's commands. A machine with Python 3.11 or newer is all that `make up` and `make test` need.
PYTHON ?= python3
BIN := .venv/bin
# Labelled micrographs for development; what uses them says so where the folder is missing.
export SAEMI_SHARED_DATA ?= $(abspath ../shared/data)
# pip must not read a configuration of the user's that asks for other places than the lock file was made for.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check

# The first of the seeds of `make chaos`.
SEED ?= 1
# The build for this machine, with or without CUDA, is what the package index offers it.
TORCH ?= 2.13.0

.DEFAULT_GOAL := help
.PHONY: help setup up demo test chaos check format bench definitions lock clean

help: ## Show the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | sort | expand -t 12

setup: .venv/installed web/static/build/complete ## Create the environment and build the portal's scripts

up: setup ## Run SAEMI on http://127.0.0.1:8000; Ctrl-C stops it
	@$(BIN)/saemi up

demo: setup ## Analyse sample micrographs through the queue and print the results
	@$(BIN)/saemi demo

test: setup .venv/installed-dev ## Run all tests
	@$(BIN)/python -m pytest tests/unit tests/integration -n logical --maxprocesses 8 --dist loadfile
	@$(BIN)/python -m pytest tests/deployment tests/end_to_end tests/chaos

chaos: setup .venv/installed-dev ## Kill everything again and again during large submissions, for hours
	@$(BIN)/python -m pytest tests/chaos --chaos long --chaos-seed $(SEED) --timeout 0 -s

check: setup .venv/installed-dev ## Lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --config pyproject.toml

format: .venv/installed-dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup .venv/installed-dev ## Print the performance table
	@$(BIN)/python -m benchmarks.all

definitions: setup ## Write docs/definitions.md from what the code declares
	@$(BIN)/python -m shared.definitions docs/definitions.md

lock: ## Renew the lock files from pyproject.toml
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet uv
	@.venv-lock/bin/uv pip compile $(LOCK) --extra frontend --extra formats --extra training --extra dev pyproject.toml -o requirements-dev.lock
	@.venv-lock/bin/uv pip compile $(LOCK) --extra frontend --extra formats -c requirements-dev.lock pyproject.toml -o requirements.lock
	@rm -rf .venv-lock
LOCK := --quiet --upgrade --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header

clean: ## Remove what set-up made; data stays
	rm -rf .venv web/node_modules web/static/build *.egg-info

.venv/installed: requirements.lock pyproject.toml
	@echo "Setting up Python packages (about a minute) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "SAEMI needs Python 3.11 or newer, this is " + sys.version)'
	@$(PYTHON) -m venv .venv
	@$(PIP_INSTALL) --require-hashes -r requirements.lock
	@$(PIP_INSTALL) torch==$(TORCH)
	@$(PIP_INSTALL) --no-deps -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Setting up the packages for tests and checks …"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

web/static/build/complete: .venv/installed web/package.json web/package-lock.json $(wildcard web/frontend/*)
	@echo "Building the portal's scripts …"
	@cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --loglevel=error && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build
	@touch $@
