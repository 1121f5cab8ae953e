.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PIPELINE_PYTHON := pipeline/.venv/bin/python
COMPAT_PYTHON := .tools/compat/bin/python
# each in a process of its own: gRPC reads the root certificates once, and every stack has other ones
STACK_TESTS := tests/plugins/live tests/e2e
TESTS := test-e2e test-localcloud test-pipeline test-units test-live
# localcloud's tests are a suite of their own, which does not know the plugin of dev/lanes/durations.json
LOCALCLOUD_TESTS := -c localcloud/pyproject.toml -p dev.lanes.selection
# each worker has a localcloud of its own; files in the order of dev/lanes/durations.json
WORKERS := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# the localcloud of `make up`; the project as dev/stack/settings.py has it
acceptance env load-data: export LOCALCLOUD_STATE ?= $(CURDIR)/.local/up/cloud
acceptance env load-data: export LOCALCLOUD_PROJECT ?= wine-local
test-localcloud: export PATH := $(PATH):$(CURDIR)/.tools/uv/bin
fuzz test-localcloud: export LOCALCLOUD_PIPELINE_PYTHON ?= $(CURDIR)/$(PIPELINE_PYTHON)

.PHONY: help setup demo demo-drift check docs env fuzz test test-compat test-durations test-e2e test-faults test-live test-localcloud test-pipeline test-sequences test-ui test-units up down lint format bench bench-scale bench-model bench-trainer bench-gate lock clean compose-init test-compose acceptance deploy deploy-check deploy-setup load-data

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install both Python environments from their lock files
	@dev/install/setup.sh

demo: setup ## Run the whole workflow against localcloud: train, serve, monitor, skip, retrain
	@$(PYTHON) -m dev.demo.train

demo-drift: setup ## Show drift against localcloud: anomaly, mail, asset event, retraining, new baseline
	@$(PYTHON) -m dev.demo.drift

check: setup ## Check style, types and the links of the docs, and run the tests that need no server: after each edit
	@QUICK=--quick $(PYTHON) -m dev.lanes lint docs test-localcloud test-units test-pipeline

test: setup ## Run all tests that need neither a browser nor Docker: [ALSO='lint test-ui']
	@$(PYTHON) -m dev.lanes $(TESTS) $(ALSO)

fuzz: setup ## Send malformed requests to localcloud, and count them: [REQUESTS=500] of each route
	@FUZZ_REQUESTS=$(or $(REQUESTS),500) $(PYTHON) -m pytest $(LOCALCLOUD_TESTS) -o timeout=3600 localcloud/tests/fuzz

test-durations: setup ## Run make test, and update dev/lanes/durations.json
	@$(PYTHON) -m dev.lanes --renew $(TESTS) $(ALSO)

test-pipeline: setup ## Run the tests of the pipeline's environment only
	@$(PIPELINE_PYTHON) -m pytest $(QUICK) tests/pipeline tests/docs/lab

test-units: $(if $(QUICK),setup,deploy-check) ## Run the tests of Airflow's environment that need no stack
	@$(PYTHON) -m pytest $(QUICK) $(WORKERS) $(addprefix --ignore=,tests/pipeline tests/ui tests/faults $(STACK_TESTS))

test-localcloud: setup ## Run the tests of localcloud
	@$(PYTHON) -m pytest $(LOCALCLOUD_TESTS) $(QUICK) $(WORKERS) localcloud/tests

test-live: setup ## Run the operators' examples in a live Airflow
	@$(PYTHON) -m pytest tests/plugins/live

test-e2e: setup ## Run the whole workflow end to end
	@$(PYTHON) -m pytest tests/e2e

test-compat: setup ## Run the DAGs, the plugin and the whole workflow on the newest Airflow and Google provider
	@dev/install/compat-environment.sh
	@$(COMPAT_PYTHON) -m pytest $(WORKERS) tests/dags tests/plugins $(addprefix --ignore=,$(STACK_TESTS))
	@for tests in $(STACK_TESTS); do $(COMPAT_PYTHON) -m pytest $$tests || exit; done

test-faults: setup ## Kill every part of the stack at every step of the DAG: [CASE=name]
	@$(PYTHON) -m pytest tests/faults $(if $(CASE),-k '$(CASE)')

test-sequences: setup ## Test random sequences of runs, faults and manual changes on one endpoint, and count them: [EXAMPLES=200]
	@SEQUENCES=$(or $(EXAMPLES),200) $(PYTHON) -m pytest tests/sequences

test-ui: setup ## Drive Airflow in a real browser; SCREENSHOTS=docs/images updates the pictures of the docs
	@$(PYTHON) -m dev.install.browser
	@SCREENSHOTS=$(SCREENSHOTS) $(PYTHON) -m pytest tests/ui

up: setup ## Start localcloud and Airflow, and leave them running
	@$(PYTHON) -m dev.up

env: ## Print the environment that leads the Google clients of a shell to the localcloud of make up
	@$(PYTHON) -m localcloud env

down: ## Stop every process that up, demo or bench started
	@if $(PYTHON) -c 'import psutil' 2>/dev/null; then $(PYTHON) -m dev.down; fi

lint: setup ## Check format, style and types
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

docs: setup ## Build the documentation as a site, in .local/docs/html; a broken link is an error
	@$(PYTHON) -m sphinx -W --keep-going --nitpicky --quiet -d .local/docs/doctrees docs .local/docs/html
	@echo "docs: .local/docs/html/index.html"

format: setup ## Format the code
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

compose-init: ## Create the secrets of docker-compose, in .env
	@python3 dev/compose/init.py

test-compose: setup ## Build, run and test docker-compose, with a temporary Docker daemon if there is none
	@$(PYTHON) -m dev.compose.verify

bench: setup ## Measure imports, the demo, a DAG run, both ways of running the pipeline, a start and an edit against limits
	@$(PYTHON) -m dev.bench.run

bench-scale: setup ## Measure seconds and memory of each component on 6.5 k, 65 k and 650 k rows, and plot them
	@$(PYTHON) -m dev.bench.scale

bench-model: setup ## Compare the model with others by the literature's protocol, and plot it: [WINE=red] [PROTOCOL=leak-free] [LEARNER=ExtraTrees]; or on many rows: ROWS=20000
	@PYTHONPATH=pipeline TF_CPP_MIN_LOG_LEVEL=2 $(PIPELINE_PYTHON) -m $(if $(ROWS),bench.many $(ROWS),bench) $(if $(WINE),--wine $(WINE)) $(if $(PROTOCOL),--protocol $(PROTOCOL)) $(if $(LEARNER),--learner '$(LEARNER)')

bench-trainer: setup ## Measure processor time and memory of the Trainer on 1, 5 and 10 million rows
	@PYTHONPATH=pipeline TF_CPP_MIN_LOG_LEVEL=2 $(PIPELINE_PYTHON) -m bench.trainer

bench-gate: setup ## Measure how often the gate passes a better, an equal and a worse model, and check the goals
	@PYTHONPATH=pipeline TF_CPP_MIN_LOG_LEVEL=2 $(PIPELINE_PYTHON) -m bench.gate

lock: setup ## Resolve the lock files again
	@dev/install/lock.sh

clean: down ## Remove both environments and all local state
	@rm -rf .venv pipeline/.venv .local .tools

load-data: setup ## Load the wines into BigQuery, once: ENV=local|dev|prod [PROJECT=...] [CSV=path or URL] [WINE=red]
	@$(PYTHON) -m deploy.wines.load_data $(ENV) $(if $(PROJECT),--project $(PROJECT)) $(if $(CSV),--csv '$(CSV)') $(if $(WINE),--wine $(WINE))

deploy-check: setup ## Load the DAGs as Composer does: its versions, its limits, nothing else
	@$(PYTHON) -m deploy.composer.check $(or $(ENV),dev)

deploy-setup: setup ## Create the resources of a deployment in a Google Cloud project: ENV=dev|prod [DRY_RUN=1]
	@$(PYTHON) -m deploy.resources.setup $(ENV) $(if $(DRY_RUN),--dry-run)

deploy: setup ## Deploy to Composer: ENV=dev|prod [DRY_RUN=1] [YES=1]
	@$(PYTHON) -m deploy $(ENV) $(if $(DRY_RUN),--dry-run) $(if $(YES),--yes)

acceptance: setup ## Test in a deployed project that Google's services behave as expected: ENV=dev [YES=1]
	@$(PYTHON) -m deploy.acceptance $(ENV) $(if $(YES),--yes)
