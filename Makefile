# Needs Python 3.11 or newer and nothing else. Everything lands in .venv, from packages whose hashes are pinned.
# PYTHON=/path/to/python makes the choice yours.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint messages golden bench pictures simulate campaign defects disks kill requirements clean
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
SOURCES := kiosk drivers bank_link bank config systemd tests
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# The files list every package, so pip must look for none; what comes as source is built with the pinned setuptools.
INSTALL := $(PIP) install --require-hashes --no-deps --no-build-isolation --use-pep517
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11 pyproject.toml

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: $(VENV)/.run  ## A bank, a kiosk and a whole withdrawal on this machine; then play with it, here or in a browser
	@$(BIN)/atm-kiosk simulate --demo

# Half of a test's time is spent waiting for browsers and processes.
WORKERS ?= $(shell $(BIN)/python -c "import os; print(2 * (os.cpu_count() or 2))")
test: lint  ## Lint, then all tests in random order
	@echo "Running the tests"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -rs tests

lint: $(VENV)/.dev  ## Style, types, and which folder may import which
	@echo "Checking style, types and imports"
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/ruff format --quiet --check $(SOURCES)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > $(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; exit 1; }

messages: $(VENV)/.dev  ## Bring the translators' catalogues up to date with the English sentences, and say what is missing
	@$(BIN)/python -m kiosk.screens.words.messages

golden: $(VENV)/.dev  ## Write the golden pictures of screens anew where they look different, and name them: look at each
	@PYTHONPATH=tests $(BIN)/python -m support.golden

bench: $(VENV)/.dev  ## Start, window beside Chromium, visits a second, and a till's call, measured on this machine
	@$(BIN)/python tests/bench/run.py

pictures: $(VENV)/.dev  ## The pictures of README and docs made anew, the recorded visit among them
	@$(BIN)/python tests/pictures/make.py

SEEDS := 200
SEED :=
simulate: $(VENV)/.dev  ## Bad days from seeds: SEEDS=1000 for many, SEED=7 for one in words; MORE="--deposits 0.5 --errands 0.5"
	@$(BIN)/python tests/simulation/simulate.py $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(MORE)

VISITS := 250000
REPORT := build/campaign
campaign: $(VENV)/.dev  ## VISITS=250000 visits under simulation on all cores; text and picture in REPORT=build/campaign
	@$(BIN)/python tests/simulation/simulate.py --campaign --visits 96 --visits-total $(VISITS) --report $(REPORT)

defects: $(VENV)/.dev  ## Each planted defect is looked for from the first seed on
	@$(BIN)/python tests/simulation/hunt.py

POINTS := 200000
disks: $(VENV)/.dev  ## POINTS=200000 power cuts under journal and books, and a disk that lies
	@PYTHONPATH=tests $(BIN)/python -m simulation.crash_points --points $(POINTS)

KILLS := 300
kill: $(VENV)/.dev  ## KILLS=300 kill -9 of real processes over TLS, also at every write; 20,000 duplicate messages at once
	@$(BIN)/python tests/campaigns/run.py --kills $(KILLS) --duplicates 20000
	@EVERY_WRITE=1 $(BIN)/python -m pytest -n 2 tests/end_to_end/test_e2e_kiosk_killed.py tests/end_to_end/test_e2e_bank_killed.py

requirements: $(VENV)/.dev  ## Write requirements/*.txt anew from pyproject.toml (pins stay; UPGRADE=--upgrade moves them)
	@echo "Resolving requirements"
	@$(COMPILE) $(UPGRADE) --extra bank --extra dev -o requirements/dev.txt
	@$(COMPILE) $(UPGRADE) --constraint requirements/dev.txt -o requirements/kiosk.txt
	@$(COMPILE) $(UPGRADE) --constraint requirements/dev.txt --extra pi -o requirements/pi.txt
	@$(COMPILE) $(UPGRADE) --constraint requirements/dev.txt --extra bank -o requirements/bank.txt

clean:  ## Remove .venv, the demo's files and what the tools cached
	@rm -rf $(VENV) build demo *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# What the demo needs; `make test` adds the rest.
$(VENV)/.run: requirements/bank.txt pyproject.toml | $(VENV)/.python
	@echo "Installing what the kiosk and the bank need"
	@awk '/^setuptools==/ { on = 1 } on { print } on && !/\\$$/ { exit }' requirements/dev.txt > $(VENV)/build.txt
	@$(INSTALL) --requirement $(VENV)/build.txt
	@$(INSTALL) --requirement requirements/bank.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing what the tests and linters need"
	@$(INSTALL) --requirement requirements/dev.txt
	@touch $@

# The first Python that is new enough, runs, and can make environments (a version manager's empty shim does not).
$(VENV)/.python:
	@for python in $(PYTHON) $(if $(PYTHON),,python3 python3.13 python3.12 python3.11 python3.14 python); do \
		if "$$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then \
			echo "Making $(VENV) with $$("$$python" --version)"; \
			"$$python" -m venv $(VENV) && touch $@; exit; \
		fi; \
	done; \
	echo "No Python 3.11 to 3.14 with venv found$(if $(PYTHON), at $(PYTHON)): install one (on Debian: python3 python3-venv) or name it, make PYTHON=/path/to/python" >&2; \
	exit 1
