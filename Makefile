# make demo | test | docs | bench | soak | lint | types | clean; PYTHON chooses the interpreter, EXAMPLES the demo's recordings.
# TESTS are options of pytest: make test TESTS="-n 2 tests/formats".
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.PHONY: demo test docs bench soak lint types clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
FUZZ ?= 20
TESTS ?=
EXAMPLES ?= $(wildcard examples/*.wav examples/*.flac examples/*.ogg)

demo: $(VENV)/.installed
	@test -n "$(strip $(EXAMPLES))" || { echo "no recording in examples/; name some: make demo EXAMPLES=speech.wav" >&2; exit 2; }
	$(BIN)/sedtalker animate $(EXAMPLES) --render --overwrite --out $(DEMO)
	echo
	$(BIN)/python tools/show_heard.py $(DEMO)
	echo
	echo "The demo's files:"
	find "$$(cd $(DEMO) && pwd)" -maxdepth 1 -type f | sort | sed 's/^/  /'

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(TESTS)

# Kills a batch at random moments, 50 times, and tries FUZZ times as many damaged files as the tests do: minutes.
soak: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/soak.py
	SEDTALKER_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/hostile tests/batch/test_cluster.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# The site, into site/; nothing is fetched from the network but the packages.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	echo "wrote site/index.html"

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(DEMO) site build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

# The stamps are renewed when the dependencies change; the package itself is installed editable.
$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@ $(VENV)/.installed
