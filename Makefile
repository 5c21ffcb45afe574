# One line each into the playbooks and tools; `make` lists them. Everything runs in .venv/, which the first target makes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
ENV ?= local
VENV := .venv
BIN := $(VENV)/bin
# Words for ansible-playbook, such as ARGS="--check --diff" or ARGS="-e device_count=10".
ARGS ?=
PLAY := $(BIN)/ansible-playbook -i inventory/$(ENV)
ifeq ($(ENV),local)
# The shell's own AWS account has no business with the local cloud.
unexport AWS_PROFILE AWS_SESSION_TOKEN
endif
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements.txt requirements-dev.txt requirements-lock.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else "Python 3.11 to 3.13 is needed, this is %d.%d; name another with PYTHON=" % v[:2])'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python has no venv module (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c requirements-lock.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready ## Make the virtual environment (about 90 s, once)

.PHONY: lock
lock: ## Pin what the requirements bring along, after changing them
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	{ echo "# Made by 'make lock': every distribution of .venv, so that two machines get the same."; $(BIN)/python -m pip freeze; } > requirements-lock.txt
	@touch $(VENV)/.ready

.PHONY: environment
environment: setup
	@test -d inventory/$(ENV) || { echo "ENV=$(ENV): there is no inventory/$(ENV). Environments: $$(ls inventory | xargs)"; exit 2; }

.PHONY: deploy
deploy: environment ## Deploy everything (ENV=local|staging|production); the local cloud is left running
	$(PLAY) deploy.yml $(ARGS)

.PHONY: twin
twin: environment ## Start virtual boards of deployed devices: BOARDS=10; ARGS="-e twin_state=stopped" stops them
	$(PLAY) playbooks/twin.yml -e twin_boards=$(or $(BOARDS),10) $(ARGS)

.PHONY: watch
watch: environment ## See the fleet live: ENV=…; ARGS=--once prints it once
	@$(BIN)/python -m watch --environment $(ENV) $(ARGS)

.PHONY: validate-production validate-e2e validate-security validate-load
validate-production: environment ## Check a deployment end to end
	$(PLAY) playbooks/validate.yml $(ARGS)
validate-e2e: environment ## Check devices, messages and the validator
	$(PLAY) playbooks/validate.yml --tags e2e $(ARGS)
validate-security: environment ## Check policies, buckets and encryption
	$(PLAY) playbooks/validate.yml --tags security $(ARGS)
validate-load: environment ## Connect many devices at once and measure
	$(PLAY) playbooks/validate.yml --tags load $(ARGS)

.PHONY: validate-programs
validate-programs: setup ## Check Steel programs: PATHS="a.scm dir/" [FORMAT=text|json|sarif] [PROFILE=esp32-c3|linux]
	@PYTHONPATH=plugins/module_utils $(BIN)/python -m fleetlib.core.scheme --format $(or $(FORMAT),text) $(addprefix --profile ,$(PROFILE)) $(or $(PATHS),programs)

.PHONY: engine
engine: setup ## Build the Steel engine (needs cargo and its crate registry; about 2 min, once)
	@engine/build || { status=$$?; [ $$status = 3 ] && echo "Everything else works; programs are checked by the validator alone." || exit $$status; }

.PHONY: steel-test
steel-test: setup ## Run a Steel program on a simulated board: FILE=programs/blink_led/blink_led.scm
	@test -n "$(FILE)" || { echo "Name the program: make steel-test FILE=programs/<name>/<name>.scm"; exit 2; }
	@engine=$$(engine/build) && "$$engine" --file "$(FILE)"

.PHONY: test
test: setup engine ## Run every test
	$(BIN)/pytest -n 3 --dist loadgroup

.PHONY: bench
bench: setup ## Measure, and write docs/performance-benchmarks.md
	$(BIN)/python benchmarks/provisioning.py
	$(BIN)/python benchmarks/flashing.py
	$(BIN)/python benchmarks/rollout.py
	$(BIN)/python benchmarks/backup.py
	$(BIN)/python benchmarks/maintenance_kills.py
	$(BIN)/python benchmarks/drills.py
	$(BIN)/python benchmarks/quarantine.py
	$(BIN)/python benchmarks/inventory.py
	$(BIN)/python benchmarks/scheme.py
	$(BIN)/python benchmarks/health.py
	$(BIN)/python benchmarks/twin.py
	$(BIN)/python docs/generate.py

.PHONY: lint
lint: setup ## Run every linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/cfn-lint roles/infrastructure/files/cloudformation/*.yml
	$(BIN)/ansible-lint --config-file .config/ansible-lint.yml

.PHONY: ci
ci: lint test ## What CI runs

.PHONY: clean
clean: ## Stop what runs, remove what was made (the local fleet and its keys too)
	@if test -d .local/twin; then $(BIN)/python -m twin stop; fi
	@if test -x $(BIN)/ansible-playbook; then $(BIN)/ansible-playbook -i inventory/local/control.yml -i inventory/local playbooks/local_cloud.yml -e local_cloud_state=stopped; fi
	rm -rf .local reports engine/target firmware/build .ansible .mypy_cache .pytest_cache .ruff_cache $(VENV)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: docs
docs: setup ## Write the documents that come from the code
	$(BIN)/python docs/generate.py
