# Everything runs in .venv; the first target that needs it makes it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-isa test-slow test-soak bench-gate chaos lint format check docs clean

demo: .venv/installed
	$(BIN)/difffas demo --out out/demo

# Two processes, each with its own Ray: a file's tests stay together, since they share what their fixtures made.
# One that dies ends the run: pytest-xdist 3.8 can wait for ever for the tests of the process that takes its place.
PYTEST := $(BIN)/python -m pytest -q
BESIDE := -n 2 --dist loadfile --max-worker-restart 0

test: .venv/installed-dev
	$(PYTEST) $(BESIDE)

# Numbers must not depend on the processor: the method's tests as three older kinds would compute, one after the other. A kind is
# set for all three libraries at once, as it is on a processor that has these instructions and no later ones.
SSE := ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_CBWR=COMPATIBLE
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2
AVX512 := ONEDNN_MAX_CPU_ISA=AVX512_CORE
NUMERIC := tests/factory/core/test_arithmetic.py $(addprefix tests/factory/models/test_,generators.py diffusion_generator.py recolour_generator.py simulate_generator.py tensors.py) \
	tests/difffas/losses tests/difffas/metrics $(addprefix tests/difffas/test_,$(addsuffix .py, \
	alignment brisque brisque_svm classifier distillation golden guidance matching objective official pipeline posterior presets samplers schedulers stfm \
	student style_encoder style_statistics unet))

test-isa: .venv/installed-dev
	@for settings in '$(SSE)' '$(AVX2)' '$(AVX512)'; do \
		echo "== $$settings"; \
		env $$settings $(PYTEST) -m 'not soak' $(BESIDE) $(NUMERIC) || exit 1; \
	done

# A chaos test has a cluster of several nodes: two of them at once would starve each other.
test-slow: .venv/installed-dev
	$(PYTEST) -m 'slow and not soak' --ignore tests/chaos $(BESIDE) --durations=30
	$(PYTEST) -m 'slow and not soak' tests/chaos --durations=10

# What takes longest and has a shorter sibling above: clusters that grow, drain and lose disks, trainings and searches killed
# amid their work, the chain of stations with a search. CI leaves it out: run it before a release, with nothing beside it.
test-soak: .venv/installed-dev
	$(PYTEST) -m soak

# Counts of benchmarks/ that no change may lose: the bytes of a first read.
bench-gate: .venv/installed-dev
	$(BIN)/python -m benchmarks.gate

# A hundred processes killed at random while a corpus is made; half an hour. Writes the page of its results.
chaos: .venv/installed-dev
	$(BIN)/python -m tests.chaos --kills 100 --out docs/chaos.md

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test

# The pages of docs/ as a site in build/site; a broken link or anchor fails.
docs: .venv/installed-docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ .venv/installed

.venv/installed-docs: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@ .venv/installed
