# All a newcomer has to know: `make run` and `make test`. Each installs what it needs, once.

.DEFAULT_GOAL := help
.PHONY: help run test flows check bench clean
.DELETE_ON_ERROR:

PORT ?= 8000
WORKERS ?= 2
PYTHON := .venv/bin/python
FRONT_END := assets/vendor/htmx.min.js
export PORT RELOAD

# Tests and checks run on the sandbox even where .env holds real keys: a variable that is set, though empty, wins over it.
ON_SANDBOX := env STRIPE_SECRET_KEY= STRIPE_PUBLISHABLE_KEY= STRIPE_WEBHOOK_SECRET= STRIPE_SANDBOX=1
# … and the deployment check as production would see it: keys that are none, so that the sandbox is not installed.
AS_PRODUCTION := env STRIPE_SANDBOX= STRIPE_SECRET_KEY=sk_live_0000000000000000 \
	STRIPE_PUBLISHABLE_KEY=pk_live_0000000000000000 STRIPE_WEBHOOK_SECRET=whsec_0000000000000000 \
	SECRET_KEY=only-for-the-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH ALLOWED_HOSTS=billing.example.com \
	DATABASE_URL=sqlite:///var/check.sqlite3 DEBUG=

help:
	@echo "make run      install, seed and serve the dashboard on http://127.0.0.1:$(PORT)/   (PORT=9000, RELOAD=1)"
	@echo "make test     every test, browser flows included                              (WORKERS=4)"
	@echo "make flows    the browser flows alone                                         (HEADED=1 to watch)"
	@echo "make check    ruff, mypy, import rules, Django's deployment check, migrations"
	@echo "make bench    the figures of the README"
	@echo "make clean    remove everything that the above made, demo data included"

run: .venv/run.stamp $(FRONT_END)
	@exec $(PYTHON) scripts/serve.py

test: .venv/dev.stamp $(FRONT_END)
	@browser=$$($(PYTHON) playwright/chromium.py) && E2E_CHROMIUM=$$browser \
	$(ON_SANDBOX) $(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

flows: .venv/dev.stamp $(FRONT_END)
	@browser=$$($(PYTHON) playwright/chromium.py) && E2E_CHROMIUM=$$browser \
	$(ON_SANDBOX) $(PYTHON) -m pytest playwright $(if $(HEADED),--headed --slowmo 300,-q -n $(WORKERS)) $(ARGS)

check: .venv/dev.stamp $(FRONT_END)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(ON_SANDBOX) .venv/bin/mypy
	.venv/bin/lint-imports
	$(ON_SANDBOX) $(PYTHON) manage.py check --fail-level WARNING
	$(ON_SANDBOX) $(PYTHON) manage.py makemigrations --check --dry-run
	$(AS_PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING
	$(AS_PRODUCTION) $(PYTHON) manage.py makemigrations --check --dry-run

bench: .venv/dev.stamp $(FRONT_END)
	@for benchmark in benchmarks/*.py; do $(ON_SANDBOX) $(PYTHON) $$benchmark || exit 1; done

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
