# Two commands are enough: `make run` and `make test`. Both install what they need into .venv, once.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

VENV := .venv
PYTHON_HERE := $(VENV)/bin/python
ARGS ?=
PORT ?= 8600
STATE ?= run/cloud

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.ok  ## Migrate a sample fleet on the local cloud (ARGS="--seed 7" and so on)
	@$(PYTHON_HERE) -m cli run $(ARGS)

test: $(VENV)/test.ok  ## Check everything: format, lint, types, import rules, tests
	@$(MAKE) lint
	@tools/clients.sh tests/clients $(VENV)/clients
	@tests/every_test.sh $(PYTHON_HERE) $(SHARED)

# As many processes as there are cores share the tests, a file at a time; tests/conftest.py says in which order.
SHARED := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-long: $(VENV)/test.ok  ## Check what takes longer or needs npm, and 2,000 simulated fleets (SEEDS=2000 SEED=0)
	@tools/clients.sh tests/deploytools $(VENV)/deploytools
	@tools/mns.sh $(VENV)
	@tools/older.sh $(PYTHON_HERE) requirements/older.txt $(VENV)/older
	@tools/browser.sh $(PYTHON_HERE) $(VENV)/browser
	@$(PYTHON_HERE) -m pytest -m long $(ARGS)
	@$(MAKE) simulate SEEDS=$(or $(SEEDS),2000) SEED=$(or $(SEED),0) ARGS="--jobs 2"

dates: $(VENV)/test.ok  ## Run the tests as if it were eight days ago, tomorrow, and in four and a half years (needs faketime)
	@tests/on_another_day.sh $(PYTHON_HERE) -8d +1d +1650d

lint: $(VENV)/test.ok  ## Format, lint, types and import rules only
	@$(PYTHON_HERE) -m ruff check .
	@$(PYTHON_HERE) -m ruff format --check .
	@$(PYTHON_HERE) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

check: test  ## What must pass before a change is handed in: the same as test

format: $(VENV)/test.ok  ## Write the format and the fixes ruff knows
	@$(PYTHON_HERE) -m ruff check --fix .
	@$(PYTHON_HERE) -m ruff format .

docs: $(VENV)/test.ok  ## Rewrite the generated pages from the code
	@$(PYTHON_HERE) -m tools.catalogue

spec: $(VENV)/test.ok  ## Write the local cloud's parameter tables (spec.json) from the request models of the SDKs
	@$(PYTHON_HERE) -m tools.rpc_spec

mutation: $(VENV)/test.ok build/mutation.ok  ## Change the code and see whether its tests notice (MUTANTS=200 SEED=0 ROOM=shared/domain MINUTES=60)
	@build/mutation/bin/python -m tools.mutation $(or $(ROOM),shared/domain) --mutants $(or $(MUTANTS),200) --seed $(or $(SEED),0) --minutes $(or $(MINUTES),60) $(ARGS)

build/mutation.ok: requirements/mutation.txt
	@tools/venv.sh build/mutation requirements/mutation.txt
	@touch $@

validate: $(VENV)/test.ok  ## Check the deployment files, the events, the settings and the documents against the code
	@$(PYTHON_HERE) -m pytest tests/tidy

simulate: $(VENV)/test.ok  ## Run fleets under faults, seed by seed, and check the invariants (SEEDS=1000 SEED=0, or REPLAY=7)
	@$(PYTHON_HERE) -W ignore -m tests.simulation.run $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) $(if $(REPLAY),--replay $(REPLAY)) $(ARGS)

crash: $(VENV)/test.ok  ## Kill the real processes of a run 200 times (ARGS="--kills 20 --instances 5")
	@$(PYTHON_HERE) -W ignore -m tests.simulation.crash $(ARGS)

package: $(VENV)/run.ok  ## Build and try build/<function>.zip, the same bytes for the same sources (PY=3.12)
	@$(PYTHON_HERE) -m tools.package --for $(or $(PY),3.10) $(ARGS)

SETTINGS ?= replank.env
deploy:  ## Deploy the functions (Serverless Devs) with the settings of this shell; docs/deploy.md has what comes before
	@tools/deploy.sh $(VENV) $(or $(PY),3.10) $(SETTINGS)

FLEET ?= 100,1000
SCALE ?= 100000
bench: export BENCH_ACCEPT = $(ACCEPT)
bench: $(VENV)/test.ok build/bench/dbos.ok  ## Measure all into bench/results; fails if a count grew (ACCEPT=1, FLEET=100,1000,10000, SCALE=100000)
	@$(PYTHON_HERE) -m bench.startup
	@$(PYTHON_HERE) -m bench.imports
	@$(PYTHON_HERE) -m bench.packages
	@$(PYTHON_HERE) -W ignore -m bench.migration
	@$(PYTHON_HERE) -W ignore -m bench.fleet --sizes $(FLEET)
	@$(PYTHON_HERE) -W ignore -m bench.scale --instances $(SCALE)
	@$(PYTHON_HERE) -W ignore -m bench.slots
	@$(PYTHON_HERE) -W ignore -m bench.console
	@$(PYTHON_HERE) -W ignore -m bench.durable_step
	@$(PYTHON_HERE) -W ignore -m bench.cloud
	@$(PYTHON_HERE) -W ignore -m bench.services
	@$(MAKE) costs

costs: $(VENV)/run.ok  ## Write docs/performance.md and docs/costs.md from bench/results and bench/prices.json
	@$(PYTHON_HERE) -m bench.pages
	@$(PYTHON_HERE) -m bench.costs

# DBOS, to compare with, in an environment of its own: its pins are not ours.
build/bench/dbos.ok: requirements/bench.txt
	@tools/venv.sh build/bench/dbos requirements/bench.txt
	@touch $@

serve: $(VENV)/run.ok  ## Run the local cloud with everything deployed, until Ctrl-C (PORT=8600 STATE=run/cloud ARGS=--empty)
	@$(PYTHON_HERE) -m cli local up --foreground --port $(PORT) --state $(STATE) $(ARGS)

pictures: $(VENV)/test.ok  ## Take pictures of every page of the console into build/pictures, and those of the README (needs chromium)
	@tools/browser.sh $(PYTHON_HERE) $(VENV)/browser
	@$(PYTHON_HERE) -W ignore -m tests.browser.pictures build/pictures docs/img

drawings:  ## Draw docs/img/*.dot as SVG (needs Graphviz)
	@tools/drawings.sh

site: build/site-tools.ok  ## Build the documentation as a searchable site into build/site, to be opened as files
	@NO_MKDOCS_2_WARNING=1 build/site-tools/bin/mkdocs build --quiet
	@echo "build/site/index.html"

build/site-tools.ok: requirements/site.txt
	@tools/venv.sh build/site-tools requirements/site.txt
	@touch $@

clean:  ## Remove what was made: .venv, build, run, caches
	rm -rf $(VENV) build run .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A second run of either does nothing until a file under requirements/ changes.
$(VENV)/run.ok: requirements/local.txt requirements/functions.txt requirements/constraints.txt
	@tools/venv.sh $(VENV) requirements/local.txt
	@touch $@

$(VENV)/test.ok: requirements/dev.txt requirements/local.txt requirements/functions.txt requirements/constraints.txt
	@tools/venv.sh $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/run.ok

.PHONY: pictures mutation help run test test-long lint check format docs spec validate simulate dates package deploy bench costs drawings site serve crash clean
