# make run     install what is missing and start cgbot on this machine, ports 8025, 8024 and 8080
# make test    everything that CI runs: the checks, then all tests
# make check   formatting, lint, types and import rules alone
# make bench   measure beside the peers (tests/bench)
# make docs    write the generated pages of docs/ anew
#
# Needs Python 3.11 or later with pip, and make. Another Python: make run PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
INSTALL := $(PIP) --require-hashes --no-build-isolation
export CGBOT_CORPORA ?= $(wildcard $(abspath ../shared/corpora))
# Hundreds of processes are started by the tests: each would compile the program anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test check bench docs packages clean pictures

run: $(VENV)/.run
	exec $(BIN)/cgbot serve

test: packages check
	$(BIN)/pytest -n 4 --maxschedchunk 4 $(PYTEST_ARGUMENTS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python scripts/document.py

# A picture of each page, as docs/gallery.md shows them.
pictures: packages $(VENV)/.dev
	CGBOT_PICTURES=docs/images/pages $(BIN)/python -m pytest -q tests/browser/test_every_page.py

bench: packages $(VENV)/.dev
	$(BIN)/python -m tests.bench $(BENCH_ARGUMENTS)

packages:
	scripts/debian-packages tests/debian-packages.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

# The stamps make a second run fast: pip works only when a lock or pyproject.toml has changed.
$(VENV)/.made: requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cgbot needs Python 3.11 or later; $(PYTHON) is older or missing. Try: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --only-binary :all: -r requirements/build.txt
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements/run.txt pyproject.toml
	$(INSTALL) -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(INSTALL) -r requirements/dev.txt
	@touch $@
