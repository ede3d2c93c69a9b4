# Everything a newcomer needs: `make demo` and `make test`. Only Python >= 3.11 and make are assumed.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help demo test check test-live test-matrix test-lowest lock audit faults torture crashes coverage mutation million bench bench-quick conformance clean

SECONDS ?= 60
SEED ?= 1

help:
	@echo "make demo         install everything, then upload, kill, resume, mirror and check on a built-in server"
	@echo "make test         install everything and run the tests"
	@echo "make check        ruff, mypy --strict and the import contract"
	@echo "make test-live    the contract suite on a real server (IMMICH_TEST_URL, IMMICH_TEST_KEY)"
	@echo "make test-matrix  the tests on every CPython 3.11-3.14 found"
	@echo "make test-lowest  the tests with the oldest dependencies that pyproject.toml allows (TESTS=...)"
	@echo "make audit        known vulnerabilities in the dependencies, of constraints.txt and of .venv (needs network)"
	@echo "make lock         write the versions in .venv, as they were tested, to constraints.txt"
	@echo "make faults       every call the tool makes with every fault (a quarter of an hour)"
	@echo "make torture      random nights of kills and faults (SECONDS=60 SEED=1), with figures"
	@echo "make crashes      a kill at every named point of eleven scenes (about fifteen minutes)"
	@echo "make coverage     branches of policy/, manifest/ and pipeline/ that tests take, at least 95 %"
	@echo "make mutation     changes to policy/ that its unit tests notice, at least 85 %"
	@echo "make million      peak memory with a million files (4 GB of disk in TMPDIR, an hour)"
	@echo "make bench        the benchmarks, as a table with ratios, and plots (bench-quick: smaller)"
	@echo "make conformance  the official CLI against the sandbox server (needs npm)"

$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $(READY)

demo: $(READY)
	@$(BIN)/immich-transfer demo

test: $(READY)
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print(2 * os.cpu_count())') --dist loadfile

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test-live: $(READY)
	@test -n "$$IMMICH_TEST_URL" -a -n "$$IMMICH_TEST_KEY" || \
	  { echo "Set IMMICH_TEST_URL and IMMICH_TEST_KEY to a real server and an API key."; exit 2; }
	$(BIN)/python -m pytest tests/contract -m live

test-matrix:
	@found=0; for v in 3.11 3.12 3.13 3.14; do \
	  if python$$v -c 'import sys' >/dev/null 2>&1; then found=1; echo "== Python $$v"; \
	    $(MAKE) --no-print-directory PYTHON=python$$v VENV=.venv-$$v test || exit 1; \
	  else echo "== Python $$v: not found, left out"; fi; done; test $$found = 1

TESTS ?= tests

# Built anew: pip would leave a newer version where the bound was lowered.
test-lowest: $(READY)
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install -q --disable-pip-version-check -e '.[dev]' \
	  $$($(BIN)/python -m tests.lowest)
	.venv-lowest/bin/python -m pytest -n 2 --dist loadfile $(TESTS)

lock: $(READY)
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

# --strict: what could not be looked up is a failure, not a pass.
audit: $(READY)
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && \
	  .venv-audit/bin/python -m pip install -q --disable-pip-version-check 'pip-audit>=2.7'; }
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable > .venv-audit/installed.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip -r .venv-audit/installed.txt

faults: $(READY)
	IMMICH_TRANSFER_EVERY_FAULT=1 $(BIN)/python -m pytest -q tests/faults/test_matrix.py \
	  -n $$((2 * $$($(BIN)/python -c 'import os; print(os.cpu_count())')))

torture: $(READY)
	$(BIN)/python -m tests.torture --seconds $(SECONDS) --seed $(SEED)

crashes: $(READY)
	$(BIN)/python -m tests.torture.crashes

# Left out below: a test of memory, which coverage itself needs more of.
COVERED = tests/unit tests/property tests/e2e/test_pause_jobs.py tests/e2e/test_python_api.py \
  tests/e2e/test_python_api_download.py tests/e2e/test_resume.py tests/e2e/test_upload.py \
  tests/faults/test_upload_faults.py

coverage: $(READY)
	rm -rf .coverage && mkdir .coverage
	$(BIN)/coverage run -m pytest -n $$($(BIN)/python -c 'import os; print(os.cpu_count())') \
	  --dist loadfile -k "not library_of_100_000" $(COVERED)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report
	$(BIN)/coverage json -q -o .coverage/coverage.json
	$(BIN)/python -m tests.bars coverage .coverage/coverage.json

mutation: $(READY)
	$(BIN)/python -m pip install -q --disable-pip-version-check 'mutmut>=3.8,<4'
	$(BIN)/mutmut run
	$(BIN)/mutmut results
	$(BIN)/mutmut export-cicd-stats
	$(BIN)/python -m tests.bars mutation mutants/mutmut-cicd-stats.json

million: $(READY)
	$(BIN)/python -m tests.torture.million

$(VENV)/.ready-bench: $(READY)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[bench]'
	@touch $@

bench: $(VENV)/.ready-bench
	$(BIN)/python -m benchmarks; told=$$?; $(BIN)/python -m benchmarks.plots && exit $$told

bench-quick: $(VENV)/.ready-bench
	$(BIN)/python -m benchmarks --quick; told=$$?; \
	  $(BIN)/python -m benchmarks.plots .bench/results.json .bench/plots && exit $$told

conformance: $(READY)
	$(BIN)/python -m tests.conformance

clean:
	rm -rf .venv .venv-* .demo .bench .conformance .coverage mutants build dist *.egg-info
