# Two commands do all the set-up on a fresh machine with Python 3.11: `make serve` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
WORKERS ?= 2
FAULT_ROUNDS ?= 500
FAULT_CUTS   ?= 500000
MINUTES ?= 40

.PHONY: help serve test faults check fmt bench bench-long lock wheel clean

help:           ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.runtime: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

serve: $(VENV)/.runtime  ## start the demo on http://127.0.0.1:8080 with SQLite in ./data
	$(BIN)/hexiao serve --demo

test: check  ## run every check and every test
	$(BIN)/python -m pytest -n $(WORKERS) -q

faults: $(VENV)/.dev  ## a night's work: every fault test in its long form; docs/operate/faults.md tells of them
	HEXIAO_FAULT_ROUNDS=$(FAULT_ROUNDS) HEXIAO_FAULT_CUTS=$(FAULT_CUTS) $(BIN)/python -m pytest tests/faults -q -s

check: $(VENV)/.dev  ## ruff, mypy strict, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.dev  ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## the short form of every benchmark; docs/operate/performance.md tells of the long one
	$(BIN)/python -m benchmarks.all --short

bench-long: $(VENV)/.dev  ## every benchmark in MINUTES (40), published in the docs; leave the machine alone meanwhile
	$(BIN)/python -m benchmarks.all --minutes $(MINUTES)

lock: $(VENV)/.dev  ## resolve the dependencies anew and write both lock files
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group build --universal --generate-hashes --no-header -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header -q -o requirements-dev.lock

wheel: $(VENV)/.dev  ## build the wheel into dist/
	$(BIN)/python -m build --no-isolation --wheel --outdir dist .

clean:          ## remove what the build made; the data folder stays
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
