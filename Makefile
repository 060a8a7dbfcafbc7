# Each target sets up what it needs; nothing has to be done before.

PYTHON ?= $(shell python3.11 --version >/dev/null 2>&1 && echo python3.11 || echo python3)
BIN := .venv/bin
READY := .venv/.ready
# The uv on the PATH, or one of this version in .venv.
UV_VERSION := 0.13.9
UV = $(shell uv --version >/dev/null 2>&1 && echo uv || echo $(BIN)/uv)

# Each module is compiled when it is first imported, and not again in every process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup compare claims test faults lint lock docs site clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"$(PYTHON) is not Python 3.11 or newer. Install it as python3.11 or python3, or run: make setup PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	test $(UV) = uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

compare: setup
	$(BIN)/portcompare run

claims: setup .venv-flask-2/.ready
	$(BIN)/python -m benchmarks.claims runs/claims-$$(date +%Y%m%dT%H%M%S)

.venv-flask-2/.ready: # an older Flask, for loadtests/claims.toml
	$(BIN)/python -m venv .venv-flask-2
	$(UV) pip install --quiet --python .venv-flask-2/bin/python 'flask<3' 'werkzeug<3' gunicorn cachetools httpx
	touch $@

# Whole commands come first, see tests/conftest.py: not those files that have the most tests.
PYTEST := pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test: setup # COVERAGE=1 measures the coverage, which takes twice the CPU time
ifeq ($(COVERAGE),1)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
else
	$(BIN)/python -m $(PYTEST)
endif

faults: setup # every fault of docs/faults.md on every server it names; takes about half an hour
	$(BIN)/python -m $(PYTEST) --dist load -m "" tests/faults

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

lock: setup # after a change of pyproject.toml
	$(UV) pip compile --quiet --upgrade --all-extras --python-version 3.11 --generate-hashes --no-header \
		--output-file requirements.lock pyproject.toml

docs: setup # after a change of the commands, the plan or the results
	$(BIN)/python docs/generate.py

site: setup # the docs as pages in site/html; a link that leads nowhere is an error
	rm -rf site
	mkdir -p site/pages
	cp -r README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE docs loadtests deploy action.yml site/pages
	$(BIN)/zensical build --strict

clean:
	rm -rf site .cache .venv .venv-flask-2 .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
