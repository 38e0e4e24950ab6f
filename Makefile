# All a newcomer has to know: `make run` and `make test`. Each installs what it needs, once.

.DEFAULT_GOAL := help
.PHONY: help run sandbox test flows check check-deployment bench presence clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

PORT ?= $(if $(filter sandbox,$(MAKECMDGOALS)),12111,8000)
HOST := 127.0.0.1
WORKERS ?= 2
PYTHON := .venv/bin/python
FRONT_END := assets/vendor/htmx.min.js
NODE_SDK := node_modules/stripe/package.json
BENCHMARKS := $(wildcard benchmarks/*.py)
export PORT RELOAD

# Tests and checks run on the sandbox even where .env holds real keys: a variable that is set, though empty, beats it.
test flows check bench: export STRIPE_SANDBOX := 1
test flows check bench: export STRIPE_SECRET_KEY :=
test flows check bench: export STRIPE_PUBLISHABLE_KEY :=
test flows check bench: export STRIPE_WEBHOOK_SECRET :=

# … and the deployment is checked as it would start in production, where the sandbox is not installed.
check-deployment: export STRIPE_SANDBOX :=
check-deployment: export STRIPE_SECRET_KEY := sk_live_0000000000000000
check-deployment: export STRIPE_PUBLISHABLE_KEY := pk_live_0000000000000000
check-deployment: export STRIPE_WEBHOOK_SECRET := whsec_0000000000000000
check-deployment: export SECRET_KEY := only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH
check-deployment: export ALLOWED_HOSTS := billing.example.com
check-deployment: export DATABASE_URL := sqlite:///var/check.sqlite3
check-deployment: export DEBUG :=

help:
	@echo "make run      install, seed and serve the dashboard on http://127.0.0.1:$(PORT)/   (PORT=9000, RELOAD=1)"
	@echo "make sandbox  Stripe's double alone, for any project: http://127.0.0.1:12111   (PORT=9000, HOST=0.0.0.0)"
	@echo "make test     every test, browser flows included                              (WORKERS=4)"
	@echo "make flows    the browser flows alone                                         (HEADED=1 to watch)"
	@echo "make check    ruff, mypy, import rules, Django's deployment check, migrations"
	@echo "make bench    the benchmarks in benchmarks/"
	@echo "make presence compare the keys that Stripe's types promise with those that the tests ask for"
	@echo "make clean    remove everything that the above made, demo data included"

run: .venv/run.stamp $(FRONT_END)
	@exec $(PYTHON) scripts/serve.py

sandbox: .venv/run.stamp
	@HOST='$(HOST)' exec $(PYTHON) scripts/sandbox.py

test: .venv/dev.stamp $(NODE_SDK) $(FRONT_END)
	@browser=$$($(PYTHON) playwright/chromium.py) && E2E_CHROMIUM=$$browser \
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

flows: .venv/dev.stamp $(FRONT_END)
	@browser=$$($(PYTHON) playwright/chromium.py) && E2E_CHROMIUM=$$browser \
	$(PYTHON) -m pytest playwright $(if $(HEADED),--headed --slowmo 300,-q -n $(WORKERS)) $(ARGS)

check: .venv/dev.stamp $(FRONT_END) check-deployment
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	PYTHONPATH=site .venv/bin/lint-imports --no-logo
	$(PYTHON) manage.py check --fail-level WARNING
	$(PYTHON) manage.py makemigrations --check --dry-run

check-deployment: .venv/dev.stamp
	$(PYTHON) manage.py check --deploy --fail-level WARNING
	$(PYTHON) manage.py makemigrations --check --dry-run

bench: .venv/dev.stamp $(FRONT_END)
	@$(if $(BENCHMARKS),for each in $(BENCHMARKS); do $(PYTHON) $$each || exit 1; done,echo "There are no benchmarks yet.")

# What Stripe's types say of each key, read anew: after an upgrade of the SDKs it prints what has changed.
presence: .venv/dev.stamp $(NODE_SDK)
	@$(PYTHON) scripts/presence.py

clean:
	rm -rf .venv node_modules assets var test-results .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv/bin/python is a link to the machine's own: gone or upgraded, the environment is made again or refilled.
$(PYTHON):
	@sh scripts/install.sh venv

.venv/run.stamp: $(PYTHON) requirements.txt
	@sh scripts/install.sh packages requirements.txt
	@touch $@

.venv/dev.stamp: $(PYTHON) requirements.txt requirements-dev.txt
	@sh scripts/install.sh packages requirements-dev.txt
	@touch .venv/run.stamp $@

$(FRONT_END): package.json package-lock.json | $(PYTHON)
	@sh scripts/install.sh front-end
	@touch $@

$(NODE_SDK): package.json package-lock.json | $(PYTHON)
	@sh scripts/install.sh node-sdk
	@touch $(FRONT_END) $@
