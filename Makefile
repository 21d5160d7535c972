# The front door: `make` prints what there is. Works from any directory name, as any user, with Python 3.11+,
# pip and make alone: everything else goes into .venv. All paths are relative, because make can't hold spaces.

.DEFAULT_GOAL := help
.PHONY: help run test check bench fuzz diagram access did-fixtures screenshots clean
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
# The environment is made again when what it was made from changes: the project's file, and the directory,
# which an editable installation remembers.
KEY := $(shell { pwd; cat pyproject.toml; } | cksum | tr -s ' \t' '--')
READY_TO_RUN := .venv/.ready-to-run-$(KEY)
READY_TO_TEST := .venv/.ready-to-test-$(KEY)

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

run: $(READY_TO_RUN) ## start everything at http://127.0.0.1:8000; the first start makes a demo tenant
	@exec $(BIN)/python run.py serve

test: $(READY_TO_TEST) ## run the whole test suite
	@$(BROWSER)
	@$(PYTEST)

check: $(READY_TO_TEST) ## lint, types, architecture and tests: exactly what CI runs
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	@rm -rf build
	$(BIN)/python -m pip install --quiet --no-deps --target build/types .
	MYPYPATH=build/types $(BIN)/python -m mypy --strict -p dxflow
	@mkdir -p build && $(DIAGRAM) > build/workflows.md
	cmp build/workflows.md docs/workflows.md || { echo "docs/workflows.md is stale: run 'make diagram'" >&2; exit 1; }
	$(BIN)/python -m pytest tests/test_architecture.py
	$(PYTEST) --ignore=tests/test_architecture.py

bench: $(READY_TO_TEST) ## run the benchmarks; each figure is a ratio to its peer or limit
	@exec $(BIN)/python benchmarks/run.py

fuzz: $(READY_TO_TEST) ## give a million generated inputs to every parser that bytes from outside reach
	@exec $(BIN)/python tests/fuzzing/run.py --inputs 1000000

diagram: $(READY_TO_RUN) ## draw docs/workflows.md from the table of workflows
	@mkdir -p docs build && $(DIAGRAM) > build/workflows.md && cp build/workflows.md docs/workflows.md

access: $(READY_TO_TEST) ## write docs/access.md's tables from the matrix, the routes and the commands
	@PYTHONPATH=tests exec $(BIN)/python tests/access_page.py

did-fixtures: $(READY_TO_TEST) ## write what the W3C did-test-suite takes, from a running resolver, to build/did-fixtures
	@exec $(BIN)/python tests/did_fixtures.py build/did-fixtures

screenshots: $(READY_TO_TEST) ## take pictures of every page, light and dark, wide and narrow, to build/screenshots
	@PYTHONPATH=tests exec $(BIN)/python tests/screenshots.py build/screenshots --keep docs/pictures

clean: ## remove what make made, .venv included; data stays
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two files at a time on each core, because most tests wait for servers; four at most. A file stays together,
# because its tests share servers.
AT_A_TIME = $$($(BIN)/python -c 'import os; print(min(4, (os.cpu_count() or 1) * 2))')
# Tests start hundreds of processes: none should compile the product anew, also where Python is told to keep no bytecode.
PYTEST = $(BIN)/python -m compileall -q *.py actors config engine http && $(BIN)/python -m pytest --numprocesses "$(AT_A_TIME)" --dist loadfile --no-loadscope-reorder

# Says how to get the browser that a part of the tests needs, where there is none.
BROWSER = PYTHONPATH=tests $(BIN)/python -m reading

DIAGRAM = $(BIN)/python -c 'import sys; from dxflow.engine.machine import diagram; sys.stdout.write(diagram())'

$(READY_TO_RUN):
	@$(call environment)
	@echo "Installing dxflow into .venv (the first time takes a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@rm -f .venv/.ready-to-*
	@touch $@

$(READY_TO_TEST):
	@$(call environment)
	@echo "Installing dxflow and its test tools into .venv (the first time takes a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@rm -f .venv/.ready-to-*
	@touch $(READY_TO_RUN) $@

# Make .venv unless it works: with the first Python that is new enough, or the one that PYTHON names.
# Where Python comes without ensurepip, its own pip fills the environment.
define environment
enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
$(BIN)/python -c "import pip; $$enough" >/dev/null 2>&1 && exit 0; \
for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11 python); do \
  if "$$python" -c "$$enough" >/dev/null 2>&1; then \
    echo "Making .venv with $$("$$python" --version) ..."; \
    "$$python" -m venv --clear .venv >/dev/null 2>&1 && exit 0; \
    "$$python" -m venv --clear --without-pip .venv && \
      "$$python" -m pip --python $(BIN)/python install --quiet --disable-pip-version-check pip && exit 0; \
    echo "dxflow: .venv can't be made with $$python; install its packages venv and pip" >&2; exit 1; \
  fi; \
done; \
echo "dxflow: Python 3.11 or newer is needed and not found; name it: make run PYTHON=/path/to/python3.11" >&2; exit 1
endef
