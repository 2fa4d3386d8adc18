# `make help` lists the targets. Variables: YEARS, SCALE, PYTHON, SETUP_R=no (no R on this machine),
# BENCH (sections and options of the benchmark, such as BENCH='engines --clock cpu').
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests sample run report test test-all lint bench bench-parquet lock clean

SCALE ?= 1

help: ## this list
	@echo "Without root, make stops where a system package is missing: tools/setup.sh (exit 3) names it."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## .venv, R and whatever else is missing for the report
	@tools/setup.sh

setup-tests: ## the same, and what the tests need (browser, PDF tools)
	@SETUP_TESTS=yes tools/setup.sh

sample: setup ## synthetic raw files in build/data/raw (SCALE=0.05 for a small one)
	@tools/report.sh sample $(SCALE)

report: setup ## the main job: both editions, from data/raw or else from the synthetic sample
	@tools/report.sh report $(SCALE)

test: setup-tests ## the default test suite, with lint and types
	@$(MAKE) --no-print-directory lint
	.venv/bin/python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: setup-tests ## lint, types and every test, the slow ones too
	@$(MAKE) --no-print-directory lint
	.venv/bin/python -m pytest -n 2 --dist loadfile

lint: ## format, lint and types
	.venv/bin/ruff format --check py tests
	.venv/bin/ruff check py tests
	.venv/bin/mypy

bench: setup ## times, memory and ratios against R survey on the same work (some minutes)
	.venv/bin/python tools/bench $(BENCH)

bench-parquet: setup ## 66 million records from Parquet by DuckDB (minutes, 1 GB of disk)
	.venv/bin/python tools/bench parquet

lock: ## requirements.lock anew from pyproject.toml (needs the tool uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra r --extra test -o requirements.lock pyproject.toml

clean: ## what was built; raw files and .venv stay
	rm -rf build _book _work chapters/*/annual data/harmonised data/estimates data/released
