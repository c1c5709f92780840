# Everything a person or CI does here. A machine needs git, make and Python 3.11 or newer, nothing else.
# `make up` and `make test` build what they need: a virtual environment from the pins in constraints/,
# with uv when it is there and pip otherwise. No pin names an index; yours is used.

VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
WORKERS ?= auto
ARGS ?=
FASTMCP := .cache/fastmcp

ifdef UV
install = $(UV) pip install --quiet --python $(BIN)/python --no-build-isolation
else
# An environment that uv made once has no pip.
install = { $(BIN)/python -m pip --version || $(BIN)/python -m ensurepip; } >/dev/null 2>&1; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation
endif

.DEFAULT_GOAL := help
.PHONY: help up test check fmt bench wheel clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

up: $(VENV)/.runtime ## start the demo API and serve it over MCP (ARGS="--port 9000" …)
	@trap : INT; $(BIN)/apifold demo --serve $(ARGS) || { code=$$?; \
		test $$code != 1 || echo 'hint: with make, options stand in ARGS: make up ARGS="--port 0 --api-port 0"' >&2; \
		exit $$code; }

test: $(VENV)/.dev ## run every test (ARGS="-k name" …)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(VENV)/.dev ## format, lint, types, import contracts: what CI asks before the tests
	@$(BIN)/ruff format --check --quiet . && echo "format: good"
	@$(BIN)/ruff check --quiet . && echo "lint: good"
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

fmt: $(VENV)/.dev ## let the formatter and the linter repair what they can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: $(VENV)/.dev $(FASTMCP)/.ok ## measure us beside FastMCP and a floor; writes docs/benchmarks.md (needs wrk)
	@command -v wrk >/dev/null || { echo "error: wrk makes the load, and it is not on this machine" >&2; \
		echo "hint: apt install wrk, or brew install wrk" >&2; exit 1; }
	@$(BIN)/python bench/run.py --fastmcp $(FASTMCP)/bin/python --write docs/benchmarks.md $(ARGS)

wheel: $(VENV)/.dev ## build dist/apifold-*.whl
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null && ls dist/*.whl

clean: ## remove what was built here, but for the virtual environment
	rm -rf build dist .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer was found" >&2; \
		echo "hint: install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
ifdef UV
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "hint: this Python has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
endif

$(FASTMCP)/.ok: constraints/bench.txt
	@echo "installing FastMCP into $(FASTMCP) …" >&2
ifdef UV
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(FASTMCP)
	@$(UV) pip install --quiet --python $(FASTMCP)/bin/python -r constraints/bench.txt
else
	@$(PYTHON) -m venv $(FASTMCP)
	@$(FASTMCP)/bin/python -m pip install --quiet --disable-pip-version-check -r constraints/bench.txt
endif
	@touch $@

$(VENV)/.runtime: constraints/runtime.txt constraints/build.txt pyproject.toml | $(BIN)/python
	@echo "installing what apifold needs into $(VENV) …" >&2
	@$(install) -r constraints/build.txt -r constraints/runtime.txt
	@$(install) --no-deps --editable .
	@touch $@

$(VENV)/.dev: constraints/dev.txt pyproject.toml | $(BIN)/python
	@echo "installing what the checks and tests need into $(VENV) …" >&2
	@$(install) -r constraints/dev.txt
	@$(install) --no-deps --editable .
	@touch $@ $(VENV)/.runtime
