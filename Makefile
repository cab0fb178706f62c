# Everything a person types. `make help` lists it.
PYTHON ?= python3
PORT ?= 8000
VTEX_PORT ?=
ERP_PORT ?=
TESTS ?= tests
# One more than there are processors: whoever drives a browser waits for most of the time.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
FAULTS ?=
PAGES ?=
LANGUAGE ?=
THEME ?=
WIDTH ?=

BOOTSTRAP = $(PYTHON) b2b_orders/embedded/bootstrap.py
BIN = .venv/bin
# Counting lines makes tests a quarter slower, so that it is asked for: `make coverage`.
COVERAGE ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test coverage sweeps faults journeys screenshots accessibility lint format lock

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Run the whole product with demo data (PORT=8000 VTEX_PORT= ERP_PORT=)
	@$(BOOTSTRAP) demo
	@$(BIN)/python -m b2b_orders.demo start --port '$(PORT)' --vtex-port '$(VTEX_PORT)' --erp-port '$(ERP_PORT)'

demo-reset: ## Delete the demo's data; the next `make demo` starts afresh
	@$(BOOTSTRAP) demo
	@$(BIN)/python -m b2b_orders.demo reset

test: lint ## Run all checks and all tests (TESTS=tests/... for part of them)
	@echo "pytest"
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope -m 'not sweep' $(COVERAGE) $(TESTS)

coverage: ## Run all tests and fail when they cover less than 85 % of the code
	@$(MAKE) test COVERAGE='--cov --cov-report= --cov-fail-under=85'

sweeps: ## Run what `make test` leaves out because it takes minutes: looks at page after page, a storm
	@$(BOOTSTRAP) dev
	@$(BIN)/python -m pytest -m sweep tests

faults: ## Run the product through a storm and compare its rows with a calm run's (FAULTS="--seed 2")
	@$(BOOTSTRAP) dev
	@$(BIN)/python -m tests.faults $(FAULTS)

journeys: ## Walk all journeys in a browser (WIDTH=360 LANGUAGE=es, TESTS=tests/journeys/...)
	@$(BOOTSTRAP) dev
	@PORTAL_JOURNEY_WIDTH='$(WIDTH)' PORTAL_JOURNEY_LANGUAGE='$(LANGUAGE)' $(BIN)/python -m pytest $(if $(filter tests,$(TESTS)),tests/journeys,$(TESTS))

screenshots: ## Picture every page and state in var/screenshots (PAGES=orders,order-big LANGUAGE=es THEME=dark WIDTH=360)
	@$(BOOTSTRAP) dev
	@$(BIN)/python -m tests.screens screenshots --pages '$(PAGES)' --languages '$(LANGUAGE)' --themes '$(THEME)' --widths '$(WIDTH)'

accessibility: ## Look at every page and state with axe (PAGES= LANGUAGE= THEME= WIDTH=)
	@$(BOOTSTRAP) dev
	@$(BIN)/python -m tests.screens accessibility --pages '$(PAGES)' --languages '$(LANGUAGE)' --themes '$(THEME)' --widths '$(WIDTH)'

# Settings as in production, so that `check --deploy` finds what is wrong there; nothing is reached.
lint: export DJANGO_SETTINGS_MODULE = b2b_orders.settings.base
lint: export PORTAL_SECRET_KEY = only-for-checks-Zk3vQ8rT1xWb7LmN5cYd9HsJ2fGp4aEu6oRi0tKe
lint: export PORTAL_ENCRYPTION_KEYS = b25seS1mb3ItY2hlY2tzLW5ldmVyLWEtcmVhbC1rZXk=
lint: export PORTAL_URL = https://portal.example
lint: export PORTAL_ALLOWED_HOSTS = portal.example
lint: export PORTAL_DATABASE_URL = postgres://b2b_web@127.0.0.1:1/portal
lint: export PORTAL_BROKER_URL = redis://127.0.0.1:1/0
lint: export PORTAL_CACHE_URL = redis://127.0.0.1:1/1
lint: export PORTAL_TRUSTED_PROXIES = 1
lint: export PORTAL_EMAIL_URL = smtp://127.0.0.1:1
lint: export PORTAL_SECURITY_CONTACT = mailto:security@portal.example
lint: ## Run the checks that need no database
	@$(BOOTSTRAP) dev
	@echo "ruff" && $(BIN)/python -m ruff check --quiet . && $(BIN)/python -m ruff format --check --quiet .
	@echo "lint-imports" && mkdir -p var && $(BIN)/lint-imports --no-cache >var/lint-imports.log || { cat var/lint-imports.log; exit 1; }
	@echo "mypy" && $(BIN)/python -m mypy
	@echo "makemigrations --check" && $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@echo "check --deploy" && $(BIN)/python manage.py check --deploy --fail-level WARNING
	@echo "pip-audit" && $(BIN)/python .ci/audit_packages.py

format: ## Put the code into its form
	@$(BOOTSTRAP) dev
	@$(BIN)/python -m ruff check --fix --quiet .
	@$(BIN)/python -m ruff format --quiet .

UV_COMPILE = $(BIN)/uv pip compile -q --no-config --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock"
lock: ## Choose the versions of all packages anew, within pyproject.toml
	@$(BOOTSTRAP) dev
	@env -u UV_FIND_LINKS -u UV_EXTRA_INDEX_URL $(UV_COMPILE) --upgrade pyproject.toml -o requirements.txt
	@env -u UV_FIND_LINKS -u UV_EXTRA_INDEX_URL $(UV_COMPILE) -c requirements.txt pyproject.toml --group demo -o requirements-demo.txt
	@env -u UV_FIND_LINKS -u UV_EXTRA_INDEX_URL $(UV_COMPILE) -c requirements-demo.txt pyproject.toml --group dev -o requirements-dev.txt
