# `make help` lists what can be done. A machine needs Python >= 3.11 and make;
# every target makes and mends the virtual environment it works in.

PYTHON ?=#   which Python makes .venv (else the newest suitable one found)
ARGS ?=#     handed on: make test ARGS='-k deadline', make demo ARGS=--once
COVERAGE ?= 95# per cent of branches and lines that `make coverage` demands
WORKERS ?= -n auto --maxprocesses 8 --dist worksteal

BIN := .venv/bin
UV ?= $(BIN)/uv
LOCK = $(UV) pip compile --no-config --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header
PURE := */states.py,*/deliveries/decision.py,*/base/signing.py,*/base/working_days.py
PURE_TESTS := tests/base/test_signing.py tests/base/test_working_days.py \
	tests/deliveries/test_decision.py tests/endpoints/test_states.py

# Hundreds of processes are started: each module is compiled once, not by each of them.
override export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test check audit coverage chaos bench bench-page smoke format lock clean runtime-set-up dev-set-up

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS="$$(printf '\t')" read -r name text; do \
			printf '  make %-10s %s\n' "$$name" "$$text"; done

demo: runtime-set-up ## Show the whole story on simulated platforms (ARGS=--once ends by itself)
	@$(BIN)/unbind-broker demo $(ARGS)

test: dev-set-up ## Run the tests (ARGS go to pytest)
	@$(BIN)/python -m pytest $(WORKERS) $(ARGS)

check: dev-set-up ## Run everything that must hold before a commit
	@printf '\n== Format\n'
	@$(BIN)/ruff format --check .
	@printf '\n== Lint\n'
	@$(BIN)/ruff check .
	@printf '\n== Types\n'
	@$(BIN)/mypy
	@$(BIN)/mypy tools examples $(if $(wildcard benchmarks/*.py),benchmarks)
	@printf '\n== Imports\n'
	@$(BIN)/lint-imports
	@printf '\n== Dependencies\n'
	@$(BIN)/deptry src
	@printf '\n== Published faults of dependencies\n'
	@$(BIN)/python tools/audit.py
	@printf '\n== OpenAPI document\n'
	@$(BIN)/unbind-broker openapi --check
	@printf '\n== Coverage of the pure rules by their own tests\n'
	@$(BIN)/coverage run -m pytest -q -p no:randomly \
		-k 'not noise and not flipped' $(PURE_TESTS)
	@$(BIN)/coverage report --fail-under 100 --include '$(PURE)'
	@printf '\n== Tests\n'
	@$(BIN)/python -m pytest $(WORKERS) $(ARGS)

audit: dev-set-up ## Ask whether a pinned package has a published fault
	@$(BIN)/python tools/audit.py

coverage: dev-set-up ## Run the tests with every line traced: 95 % must be reached
	@$(BIN)/python -m pytest $(WORKERS) --cov --cov-branch --cov-report term \
		--cov-fail-under $(COVERAGE) $(ARGS)

chaos: dev-set-up ## Prove delivery under faults, in minutes (make chaos ARGS='-k storm')
	@$(BIN)/python -m pytest -m chaos -s -p no:randomly -o faulthandler_timeout=0 \
		$(ARGS) tests/chaos

bench: dev-set-up ## Measure (every benchmarks/bench_*.py in turn; ARGS go to each)
	$(if $(findstring --smoke,$(ARGS)),,@$(BIN)/unbind-broker bench --fits)
	@set -e; found=; for file in benchmarks/bench_*.py; do \
		[ -f "$$file" ] || continue; found=yes; name=$$(basename "$$file" .py); \
		printf '\n== %s\n' "$$name"; \
		$(BIN)/python -m "benchmarks.$$name" $(ARGS); done; \
	[ -n "$$found" ] || { echo 'There is no benchmarks/bench_*.py.' >&2; exit 1; }

smoke: dev-set-up ## Show that the programs that measure work (a minute)
	@$(BIN)/python -m pytest -m smoke $(ARGS) tests/benchmarks

bench-page: dev-set-up ## Write docs/benchmarks.md from benchmarks/results/*.json
	@$(BIN)/python -m benchmarks.page $(ARGS)

format: dev-set-up ## Format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: dev-set-up ## Pin the requirements anew (ARGS=--upgrade takes newer versions)
	$(LOCK) $(ARGS) pyproject.toml -o requirements.txt
	$(LOCK) $(ARGS) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(LOCK) $(ARGS) --group build -c requirements-dev.txt -o requirements-build.txt

clean: ## Remove caches and reports (.venv and .env stay)
	@rm -rf build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache \
		.pytest_cache .import_linter_cache .hypothesis
	@find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

runtime-set-up:
	@PYTHON='$(PYTHON)' sh tools/set_up.sh runtime

dev-set-up:
	@PYTHON='$(PYTHON)' sh tools/set_up.sh dev
