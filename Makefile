# A fresh machine needs python3 (3.11 or newer), pip, make and git; each target fetches the rest
# into folders that git ignores: .uv (the installer), .venv (development), .tools (the local AWS).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PYTHON_VERSION := $(shell cat .python-version)
UV := .uv/bin/uv
DEV := .venv/.installed
TOOLS := .tools/.installed

unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## Show this menu
	@awk 'BEGIN { FS = ":.*## "; print "usage: make <target>\n" } \
	  /^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Set-up ---------------------------------------------------------------------------------------

$(UV): requirements-uv.txt
	@echo "Fetching uv, the installer of everything else …" >&2
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
	  --upgrade --require-hashes --target .uv --requirement requirements-uv.txt \
	  || { echo "uv could not be installed. Next: check that '$(PYTHON) -m pip --version' works" \
	       "and that your package index can be reached, then try again." >&2; exit 1; }
	@touch $@

define install
	@$(UV) venv --quiet --allow-existing --python $(PYTHON_VERSION) $(1) \
	  || { echo "Python $(PYTHON_VERSION) could not be had. Next: install it with your system's" \
	       "packages, 'pyenv install $(PYTHON_VERSION)' or '$(UV) python install" \
	       "$(PYTHON_VERSION)', then try again." >&2; exit 1; }
	@$(UV) pip sync --quiet --python $(1)/bin/python --require-hashes $(2) \
	  || { echo "$(2) could not be installed. Next: check that your package index can be" \
	       "reached, then try again." >&2; exit 1; }
	@touch $@
endef

$(DEV): requirements-dev.txt .python-version $(UV)
	@echo "Installing the development environment into .venv …" >&2
	$(call install,.venv,requirements-dev.txt)

$(TOOLS): requirements-local.txt .python-version $(UV)
	@echo "Installing the local AWS and the SAM CLI into .tools …" >&2
	$(call install,.tools,requirements-local.txt)

.PHONY: setup
setup: $(DEV) $(TOOLS) ## Install what the other targets need, without running anything

# --- See it work ----------------------------------------------------------------------------------

.PHONY: run
run: $(TOOLS) ## Deploy to a local AWS, play the story, stay until Ctrl-C (PORT=4566)
	@exec .tools/bin/python -m local run $(if $(PORT),--port $(PORT))

.PHONY: demo
demo: $(TOOLS) ## The same, ending with an exit status instead of staying
	@exec .tools/bin/python -m local demo $(if $(PORT),--port $(PORT))

.PHONY: invoke
invoke: $(TOOLS) ## Run one function in a container on events/FUNCTION.json (while `make run` runs)
	@exec .tools/bin/python -m local invoke "$(FUNCTION)" $(INVOKE_FLAGS)

.PHONY: invoke-all
invoke-all: $(TOOLS) ## Run every function in a container on its own event
	@exec .tools/bin/python -m local invoke-all $(INVOKE_FLAGS)

.PHONY: console
console: $(TOOLS) ## Build the console into functions/serve_console/site, if its sources changed
	@.tools/bin/python -m local.console build

# --- Operate -------------------------------------------------------------------------------------

.PHONY: redrive
redrive: $(TOOLS) ## Send dead letters again, where API_URL and ACCESS_TOKEN say, or here (QUEUE=debits)
	@exec .tools/bin/python -m commands.redrive $(QUEUE) $(REDRIVE_FLAGS)

.PHONY: reconcile
reconcile: $(TOOLS) ## Reconcile the books, where API_URL and ACCESS_TOKEN say, or here
	@exec .tools/bin/python -m commands.reconcile

.PHONY: rebuild
rebuild: $(DEV) ## Make statements again, in TABLE_NAME or here (OWNER=merchant:ID:CNY)
	@PYTHONPATH=.:layers/refunds .venv/bin/python -m commands.rebuild $(OWNER)

# --- Develop --------------------------------------------------------------------------------------

.PHONY: test
test: lint $(TOOLS) ## Check everything: style, types, imports, template, behaviour
	@.venv/bin/python -m local.console test
	@.venv/bin/pytest --cov --numprocesses auto --dist loadgroup $(PYTEST_FLAGS)
	@.venv/bin/python -m tests.faults.excused

.PHONY: model
model: $(DEV) ## Explore the debit protocol's model within wider bounds; takes minutes
	@.venv/bin/pytest tests/model/wider.py --capture no $(PYTEST_FLAGS)

.PHONY: mutants
mutants: $(DEV) ## Change each rule of the money in every place, and see its tests notice
	@.venv/bin/python -m tests.mutation.mutants

.PHONY: simulate
simulate: $(DEV) ## Play 50,000 schedules of faults on the handlers, or one again (SEED=)
	@SEED=$(SEED) .venv/bin/pytest tests/simulation/longer.py --numprocesses auto $(PYTEST_FLAGS)

.PHONY: faults
faults: $(DEV) $(TOOLS) ## Let each call of AWS meet each fault, one at a time (ONLY=ID, FROM=ID)
	@ONLY="$(ONLY)" FROM="$(FROM)" .venv/bin/pytest tests/faults/everything.py -p no:logging \
	  --numprocesses $(if $(ONLY),0,auto) $(PYTEST_FLAGS)

.PHONY: check
check: test ## The same as test, by its usual other name

.PHONY: lint
lint: $(DEV) ## Check style, types, imports and the template
	@.venv/bin/python -m local.console check
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PYTHONPATH=layers/refunds .venv/bin/lint-imports
	@# WS1004 looks for log groups by name; ours are named by LoggingConfig, as a test holds.
	@.venv/bin/cfn-lint --append-rules cfn_lint_serverless.rules --ignore-checks WS1004 \
	  --template template.yaml

.PHONY: fmt
fmt: $(DEV) ## Rewrite the code in the project's style
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

.PHONY: openapi
openapi: $(DEV) ## Write the API's document and the events' schemas anew from the code
	@PYTHONPATH=.:layers/refunds .venv/bin/python -m local.openapi
	@PYTHONPATH=.:layers/refunds .venv/bin/python -m local.event_schemas

.PHONY: screenshots
screenshots: $(DEV) $(TOOLS) ## Take the README's pictures of the running product, with Chromium
	@.venv/bin/python -m local.screenshots

# The layer takes its versions from the development environment, so that what is tested is shipped.
COMPILE = $(UV) pip compile --quiet --upgrade --generate-hashes --custom-compile-command "make lock"
.PHONY: lock
lock: $(UV) ## Recompile the pinned and hashed requirements from pyproject.toml
	@$(COMPILE) --python-version $(PYTHON_VERSION) --group dev pyproject.toml -o requirements-dev.txt
	@$(COMPILE) --python-version $(PYTHON_VERSION) --constraints requirements-dev.txt pyproject.toml \
	  -o layers/refunds/requirements.txt
	@$(COMPILE) --python-version $(PYTHON_VERSION) --group local -o requirements-local.txt
	@$(COMPILE) --python-version 3.11 --group uv -o requirements-uv.txt

# --- Measure ------------------------------------------------------------------------------------

# Each writes its table into docs/performance.md.
BENCH = PYTHONPATH=.:layers/refunds .venv/bin/python -m bench

.PHONY: bench
bench: $(DEV) $(TOOLS) ## Measure all that a refund costs: units, speed, waits, starts, money
	@PYTHONPATH=.:layers/refunds .venv/bin/python -m bench

.PHONY: soak
soak: $(DEV) $(TOOLS) ## Load the whole stack, kill functions, drain it, reconcile (SECONDS=120)
	@$(BENCH).soak --seconds $(or $(SECONDS),120)

.PHONY: bench-statement
bench-statement: $(DEV) $(TOOLS) ## Time pages of a statement of 100,000 postings, at any depth
	@$(BENCH).statement

.PHONY: bench-imports
bench-imports: $(DEV) ## Time the start of each function
	@$(BENCH).imports

.PHONY: bench-first-screen
bench-first-screen: $(DEV) $(TOOLS) ## Time the console's first screens in Chromium
	@$(BENCH).first_screen

.PHONY: endure
endure: $(DEV) $(TOOLS) ## Let 16 write and one read, on each engine (SECONDS=60)
	@$(BENCH).endure --seconds $(or $(SECONDS),60)

# --- Deploy and clean -----------------------------------------------------------------------------

.PHONY: deploy
deploy: console ## Build and deploy to AWS with your credentials (samconfig.toml, [prod])
	@PATH="$(CURDIR)/.tools/bin:$$PATH" sam build
	@PATH="$(CURDIR)/.tools/bin:$$PATH" sam deploy --config-env prod

.PHONY: clean
clean: ## Remove everything that make has built or installed
	@rm -rf .aws-sam .local .tools .uv .venv .coverage* .hypothesis .import_linter_cache .mypy_cache \
	  .pytest_cache .ruff_cache build htmlcov console/generated console/node_modules \
	  functions/serve_console/site
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
