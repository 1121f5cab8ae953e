.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PIPELINE_PYTHON := pipeline/.venv/bin/python
COMPAT_PYTHON := .tools/compat/bin/python
# each in a process of its own: gRPC reads the root certificates once, and every stack has other ones
STACK_TESTS := tests/plugins/live tests/e2e
TESTS := test-e2e test-pipeline test-units test-live
# each worker has a localcloud of its own; files in the order of tests/durations.json
WORKERS := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo demo-drift check docs fuzz test test-compat test-durations test-e2e test-faults test-live test-pipeline test-sequences test-ui test-units up down lint format bench bench-scale bench-model bench-gate lock clean compose-init test-compose acceptance deploy deploy-check deploy-setup load-data

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install both Python environments from their lock files
	@dev/setup.sh

demo: setup ## Run the whole job against localcloud: train, serve, monitor, skip, retrain
	@$(PYTHON) -m dev.demo

demo-drift: setup ## Let wines drift against localcloud: anomaly, mail, asset event, retraining, new baseline
	@$(PYTHON) -m dev.demo_drift

check: setup ## Check style, types and the links of the docs, and run the tests that start no server: after each edit
	@QUICK=--quick $(PYTHON) -m dev.lanes lint docs test-units test-pipeline

test: setup ## Run every test that needs neither a browser nor Docker: [ALSO='lint test-ui']
	@$(PYTHON) -m dev.lanes $(TESTS) $(ALSO)

fuzz: setup ## Send localcloud requests that no API expects, and tell how many: [REQUESTS=500] of each route
	@FUZZ_REQUESTS=$(or $(REQUESTS),500) $(PYTHON) -m pytest -o timeout=3600 tests/localcloud/fuzz

test-durations: setup ## Run them, and renew tests/durations.json
	@$(PYTHON) -m dev.lanes --renew $(TESTS) $(ALSO)

test-pipeline: setup ## Run the tests of the pipeline's environment alone
	@$(PIPELINE_PYTHON) -m pytest $(QUICK) tests/pipeline tests/lab

test-units: $(if $(QUICK),setup,deploy-check) ## Run the tests of Airflow's environment that need no whole stack
	@$(PYTHON) -m pytest $(QUICK) $(WORKERS) $(addprefix --ignore=,tests/pipeline tests/ui tests/faults $(STACK_TESTS))

test-live: setup ## Run the operators' examples in a live Airflow
	@$(PYTHON) -m pytest tests/plugins/live

test-e2e: setup ## Run the whole job end to end
	@$(PYTHON) -m pytest tests/e2e

test-compat: setup ## Run the DAGs, the plugin and the whole job on the newest Airflow and Google provider
	@dev/compat-environment.sh
	@$(COMPAT_PYTHON) -m pytest $(WORKERS) tests/dags tests/plugins $(addprefix --ignore=,$(STACK_TESTS))
	@for tests in $(STACK_TESTS); do $(COMPAT_PYTHON) -m pytest $$tests || exit; done

test-faults: setup ## Kill every part of the stack at every step of the DAG: [CASE=name]
	@$(PYTHON) -m pytest tests/faults $(if $(CASE),-k '$(CASE)')

test-sequences: setup ## Make up sequences of what runs, faults and people do to one endpoint, and tell how many: [EXAMPLES=200]
	@SEQUENCES=$(or $(EXAMPLES),200) $(PYTHON) -m pytest tests/sequences

test-ui: setup ## Drive Airflow in a real browser; SCREENSHOTS=docs/images renews the pictures of the docs
	@$(PYTHON) -m dev.browser
	@SCREENSHOTS=$(SCREENSHOTS) $(PYTHON) -m pytest tests/ui

up: setup ## Start localcloud and Airflow, and leave them running
	@$(PYTHON) -m dev.up

down: ## Stop every process that up, demo or bench started
	@if $(PYTHON) -c 'import psutil' 2>/dev/null; then $(PYTHON) -m dev.down; fi

lint: setup ## Check format, style and types
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

docs: setup ## Build the documentation as a site, in .local/docs/html; a link that leads nowhere is an error
	@$(PYTHON) -m sphinx -W --keep-going --nitpicky --quiet -d .local/docs/doctrees docs .local/docs/html
	@echo "docs: .local/docs/html/index.html"

format: setup ## Format the code
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

compose-init: ## Make the secrets of docker-compose, in .env
	@python3 dev/compose_init.py

test-compose: setup ## Build, run and test docker-compose, with a Docker daemon of its own if there is none
	@$(PYTHON) -m dev.compose_test

bench: setup ## Measure imports, the demo, a DAG run, both ways of running the pipeline, a start and an edit against bounds
	@$(PYTHON) -m dev.bench

bench-scale: setup ## Measure seconds and memory of each component on 6.5 k, 65 k and 650 k rows, and plot them
	@$(PYTHON) -m dev.bench_scale

bench-model: setup ## Measure the model beside others as the literature does, and plot it: [WINE=red] [PROTOCOL=leak-free] [LEARNER=ExtraTrees]
	@PYTHONPATH=pipeline TF_CPP_MIN_LOG_LEVEL=2 $(PIPELINE_PYTHON) -m bench $(if $(WINE),--wine $(WINE)) $(if $(PROTOCOL),--protocol $(PROTOCOL)) $(if $(LEARNER),--learner '$(LEARNER)')

bench-gate: setup ## Measure how often the gate passes a better, an equal and a worse model, and hold that to its goals
	@PYTHONPATH=pipeline TF_CPP_MIN_LOG_LEVEL=2 $(PIPELINE_PYTHON) -m bench.gate

lock: setup ## Resolve the lock files anew
	@dev/lock.sh

clean: down ## Remove both environments and all local state
	@rm -rf .venv pipeline/.venv .local .tools

load-data: setup ## Load the wines into BigQuery, once: ENV=local|dev|prod [PROJECT=...] [CSV=path or URL] [WINE=red]
	@$(PYTHON) -m deploy.load_data $(ENV) $(if $(PROJECT),--project $(PROJECT)) $(if $(CSV),--csv '$(CSV)') $(if $(WINE),--wine $(WINE))

deploy-check: setup ## Load the DAGs as Composer will: its versions, its limits, nothing else
	@$(PYTHON) -m deploy.check $(or $(ENV),dev)

deploy-setup: setup ## Make what a deployment needs in a Google Cloud project: ENV=dev|prod [DRY_RUN=1]
	@$(PYTHON) -m deploy.setup $(ENV) $(if $(DRY_RUN),--dry-run)

deploy: setup ## Deploy to Composer: ENV=dev|prod [DRY_RUN=1] [YES=1]
	@$(PYTHON) -m deploy $(ENV) $(if $(DRY_RUN),--dry-run) $(if $(YES),--yes)

acceptance: setup ## Ask a deployed project whether Google's services behave as expected: ENV=dev [YES=1]
	@$(PYTHON) -m deploy.acceptance $(ENV) $(if $(YES),--yes)
