# autorisen: `make` shows what there is. GNU make 3.81 (macOS) is enough.

.DEFAULT_GOAL := help
.PHONY: help run reset static dev test check gates floors fmt lint types schema bench bench-backfill bench-usage bench-close faults year mutants screenshots wheel clean

PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$each; break; fi; done)
BIN := .venv/bin
# One worker a core; a file stays on one worker, which keeps its server and its browser.
PARALLEL = -n auto --dist loadfile
# The copy of uv is per checkout; sync leaves what a developer has added to the environment.
UV = uv=$$($(NEED_PYTHON) ci/bootstrap.py) && $$uv
NEED_PYTHON = $(if $(PYTHON),$(PYTHON),$(error autorisen needs Python 3.11 or newer; \
	found: $(shell python3 --version 2>&1). Install one, or name it: make PYTHON=/path/to/python3.12))
SYNC = $(UV) sync --quiet --frozen --inexact --python $(PYTHON)

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start everything: database, web and worker; Ctrl-C stops it (PORT=8001 for another port)
	@$(SYNC) --no-dev --group frontend
	@$(BIN)/python scripts/build_static.py
	@exec $(BIN)/autorisen up

reset: ## Forget the database, the demo and the logs under .autorisen/ (YES=1 does not ask)
	@$(SYNC) --no-dev
	@$(BIN)/autorisen reset $(if $(YES),--yes)

dev: ## Make the full development environment
	@$(SYNC)
	@$(BIN)/python scripts/build_static.py

static: ## Fetch and copy the third-party front-end files
	@$(SYNC) --no-dev --group frontend
	@$(BIN)/python scripts/build_static.py

test: dev ## Run every test (under 10 minutes on 2 cores)
	@$(BIN)/python -m $(MEASURE) pytest $(PARALLEL) $(ARGS)

gates: dev ## Format, lint, layers and types, without the tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

check: gates ## Everything that CI asks: gates, then every test, then the coverage floors
	@rm -f .coverage .coverage.*
	@$(MAKE) --no-print-directory test MEASURE="coverage run -m"
	@$(MAKE) --no-print-directory floors

floors: ## Hold branch coverage to its floors, after `make test MEASURE="coverage run -m"`
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage json --quiet -o .coverage.json
	@$(BIN)/python scripts/coverage_gate.py .coverage.json

fmt: dev ## Format the code and mend what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: dev ## Lint and check the layers
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: dev ## Check the types
	@$(BIN)/mypy

schema: dev ## Write db/schema.sql anew from the migrations
	@$(BIN)/python scripts/write_schema.py

bench: dev ## Measure: events per second, beside this machine's own ceilings
	@$(BIN)/python -m bench

bench-backfill: dev ## Measure: rows per second from a CSV of a million rows, beside COPY
	@$(BIN)/python -m bench backfill

bench-ingest: dev ## Measure ingest beside its limits, empty and at 20 million events (20 minutes; ARGS=--quick: one)
	@$(BIN)/python -m bench ingest $(ARGS)

bench-usage: dev ## Measure questions about a month at 20 million stored events (10 minutes; ARGS=--quick: one)
	@$(BIN)/python -m bench usage $(ARGS)

bench-close: dev ## Measure a month end of 10,000 and of 100,000 subscriptions (10 minutes; ARGS=--quick: one)
	@$(BIN)/python -m bench close $(ARGS)

faults: dev ## The long form of the faults: kills, a database that stops, cut connections, a full disk
	@FAULTS_LONG=1 $(BIN)/pytest tests/faults -s $(ARGS)

year: dev ## The long form of the simulated year: 500 customers by the clock, audited, lived twice (YEAR_SEED=...)
	@YEAR_LONG=1 $(BIN)/pytest tests/journeys/test_simulated_year.py -s --log-level=ERROR $(ARGS)

mutants: dev ## Change the money modules on purpose: which changes do the tests see? (10 minutes; ARGS='*tax*': some)
	@$(SYNC) --group mutation
	@nice -n 10 $(BIN)/python scripts/mutation.py $(ARGS)

screenshots: dev ## Take pictures of every page, light and dark, phone and desktop
	@$(BIN)/python scripts/take_screenshots.py

wheel: static ## Build the one wheel that is all a server needs, into dist/
	@rm -rf dist
	@$(UV) build --quiet --wheel --out-dir dist --python $(PYTHON)
	@ls -l dist/*.whl

clean: ## Remove what was built (the data in .autorisen/ stays)
	@rm -rf dist build .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants
	@rm -rf src/autorisen/ui/static/vendor
