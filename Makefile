# Two commands are enough: `make run` and `make test`. Everything lands in .venv and .lotkin here.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV ?= uv
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install run test check interop bench lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-9s %s\n' "$$name" "$$what"; done

install: ## Make .venv what requirements.lock says (the others call it)
	@test -n "$(PYTHON)" || { echo "Lotkin needs Python 3.11 or newer: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" .ci/install.py

run: install ## Start the demo: data, a recall told in the terminal, and the service; ARGS="--once" ends after it
	@.venv/bin/lotkin run $(ARGS)

test: install ## Run every test on real PostgreSQL and real Neo4j; ARGS goes to pytest
	@.venv/bin/python -c "from lotkin.graph.server import prefetch; prefetch()"
	@.venv/bin/python -m pytest $(ARGS)

check: install ## Format, lint, types, import direction, architecture
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/python -m pytest -q tests/test_architecture.py

interop: install ## What needs Node or Go: audits, other people's clients and verifiers; each prints its figure
	@set -e; for each in $(basename $(notdir $(sort $(wildcard tests/interop/run_*.py)))); do \
		echo "== $$each"; .venv/bin/python -m tests.interop.$$each $(ARGS); done

bench: install ## Measure; the first line is the ratio to the bare driver
	@.venv/bin/python bench $(ARGS)

PIN = $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	--no-header --no-annotate --no-emit-index-url
lock: ## Resolve both lock files anew from pyproject.toml (needs uv); ARGS="--upgrade" for newer ones
	@$(PIN) --all-extras --output-file requirements.lock $(ARGS)
	@$(PIN) --constraint requirements.lock --output-file requirements.serve.lock

clean: ## Remove the environment and every cache; the demo's data in .lotkin stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
