# Each target sets up what it needs; nothing has to be done before.

PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup compare claims test lint lock docs clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	command -v $(PYTHON) >/dev/null && $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

compare: setup
	$(BIN)/portcompare run

claims: setup .venv-flask-2/.ready
	$(BIN)/python -m benchmarks.claims runs/claims-$$(date +%Y%m%dT%H%M%S)

.venv-flask-2/.ready: # an older Flask, for loadtests/claims.toml
	$(BIN)/python -m venv .venv-flask-2
	.venv-flask-2/bin/python -m pip install --quiet --disable-pip-version-check 'flask<3' 'werkzeug<3' gunicorn cachetools httpx
	touch $@

test: setup
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 3 --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

lock: setup # after a change of pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --extra browser --extra openapi --extra servers --extra dev --generate-hashes --allow-unsafe \
		--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header \
		--output-file requirements.lock pyproject.toml

docs: setup # after a change of the plan or the results
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv .venv-flask-2 .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
