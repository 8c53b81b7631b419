# Every target first makes .venv and installs what it needs, so nothing else is needed before.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check

.PHONY: demo test quick lint bench fuzz clean

demo: .venv/package.stamp
	$(BIN)/latentzoo sample glow-fashion-mnist --num_samples 64 --out samples.png

# Processes of one thread each, three for every two cores: many tests wait for a process or a server.
PROCESSES = $(shell $(PYTHON) -c 'import os; print(os.cpu_count() * 3 // 2)')
PYTEST = TF_NUM_INTRAOP_THREADS=1 $(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

test: .venv/test.stamp
	$(PYTEST)

# Two minutes: without what starts processes or servers, trains, or traces replicas (tests/conftest.py).
quick: .venv/test.stamp
	$(PYTEST) -m 'not slow'

# A million damaged inputs, some 20 minutes; INPUTS=1000 for a quick look.
fuzz: .venv/test.stamp
	$(BIN)/python -m tests.fuzz.run --inputs $(or $(INPUTS),1000000)

# Types are checked against the libraries that the tests need too.
lint: .venv/lint.stamp .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

bench: .venv/bench.stamp
	$(BIN)/python benchmarks/flows.py

clean:
	rm -rf .venv build dist *.egg-info

.venv/made.stamp:
	$(PYTHON) -m venv .venv
	touch $@

.venv/package.stamp: setup.cfg pyproject.toml .venv/made.stamp
	$(INSTALL) --editable .
	touch $@

.venv/test.stamp: .venv/package.stamp
	$(INSTALL) --editable '.[test]'
	touch $@

.venv/lint.stamp: setup.cfg .venv/made.stamp
	$(INSTALL) ruff basedpyright
	touch $@

.venv/bench.stamp: benchmarks/requirements.txt .venv/package.stamp
	$(INSTALL) --requirement benchmarks/requirements.txt
	touch $@
