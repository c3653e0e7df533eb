# make demo: set up, and a report on shipped data.  make test: set up, every check and test.
# make docs: the user guide, in docs/_build/html.
# The environment is .venv/ in the checkout; nothing is installed anywhere else.

PYTHON ?= python3
BIN := .venv/bin
TOOLS := .venv/.tools
WHEEL := .venv/.wheel
SOURCES := $(shell find flowlens queries -type f -not -name '*.pyc' 2>/dev/null) pyproject.toml

.PHONY: pictures demo test test-all check browser units image airflow spark docs bench fuzz clean

demo: $(WHEEL)
	@$(BIN)/flowlens report fixtures/demo

# Two at a time, a file of tests to one of them.
WORKERS := --numprocesses 2 --dist loadfile
test: check browser units
	$(BIN)/pytest -q $(WORKERS)

# What is slower: the properties with more examples, other ones each time; EFFORT=50 for a night.
# TRAFFIC=DIR: a directory of default-format text from S3, turned into every form; else the demo.
EFFORT ?= 5
TRAFFIC ?=
test-all: test image airflow spark
	FLOWLENS_EFFORT=$(EFFORT) $(BIN)/pytest -q $(WORKERS) tests/test_patterns.py \
		tests/test_reader.py tests/test_filters.py tests/test_engine.py tests/test_output.py \
		tests/test_parquet.py tests/test_parquet_footers.py \
		tests/test_rdns_asking.py tests/test_scans_state.py \
		tests/test_scans_verdicts.py \
		tests/test_batch_crash.py tests/test_batch_faults.py tests/test_batch_same.py
	FLOWLENS_TRAFFIC='$(TRAFFIC)' $(BIN)/pytest -q tests/test_traffic.py

check: $(TOOLS) $(WHEEL)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor -q --offline .github/workflows

# What other programs check is checked by them: on Debian its own, where root may install it.
debian = test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || { apt-get update -q && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(1); }

# Pages are tried in a real browser, units by systemd.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || $(call debian,chromium)
units:
	@command -v systemd-analyze >/dev/null || $(call debian,systemd)

# The image, really built and run: as root on Debian, without a registry.
image: $(WHEEL)
	@{ command -v buildah && command -v debootstrap; } >/dev/null || $(call debian,buildah debootstrap)
	deploy/checks/image.sh $(BIN)/python .venv/dist/*.whl

# The DAG, in an environment of Airflow's.
airflow: .venv/.made
	$(PYTHON) -m venv .venv/.airflow
	.venv/.airflow/bin/python -m pip install -q --upgrade 'pip>=25.1'
	.venv/.airflow/bin/python -m pip install -q --group airflow
	.venv/.airflow/bin/python deploy/checks/dag.py

# A store, read by Spark in an environment of its own.
spark: $(TOOLS) $(WHEEL)
	@command -v java >/dev/null || $(call debian,openjdk-17-jre-headless)
	$(PYTHON) -m venv .venv/.spark
	.venv/.spark/bin/python -m pip install -q --upgrade 'pip>=25.1'
	.venv/.spark/bin/python -m pip install -q --group spark
	FLOWLENS_SPARK=.venv/.spark/bin/python $(BIN)/pytest -q tests/test_store_readers.py

# Pages that come from the code are written anew; a broken link or reference is an error.
docs: $(TOOLS) $(WHEEL)
	$(BIN)/python -P docs/generate.py
	$(BIN)/python -P -m sphinx -W -n --keep-going -q docs docs/_build/html
	@echo docs/_build/html/index.html

# The pictures of the README and the guide, drawn anew from shipped data.
pictures: $(TOOLS) $(WHEEL) browser
	$(BIN)/python -P docs/pictures.py

bench: $(TOOLS) $(WHEEL)
	$(BIN)/python -m pip install -q --group bench
	$(BIN)/python -m benchmarks

# Every parser for ten minutes, one after the other, with inputs found on the way kept in FUZZ_DIR;
# ends at the first fault, with the input that shows it. On Linux: atheris has no wheel for macOS.
FUZZ_SECONDS ?= 600
FUZZ_DIR ?= $(or $(TMPDIR),/tmp)/flowlens-fuzz
fuzz: $(TOOLS) $(WHEEL)
	$(BIN)/python -m pip install -q --group fuzz
	@set -e; for harness in tests/fuzz/fuzz_*.py; do \
		found=$(FUZZ_DIR)/$$(basename $$harness .py); mkdir -p $$found/inputs; \
		echo "$$harness, $(FUZZ_SECONDS) s"; \
		PYTHONPATH=tests:fixtures $(BIN)/python $$harness -max_total_time=$(FUZZ_SECONDS) \
			-max_len=2048 -timeout=10 -rss_limit_mb=1500 -artifact_prefix=$$found/ \
			$$found/inputs; \
	done

clean:
	rm -rf .venv dist build docs/_build

.venv/.made:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "flowlens needs Python 3.11 or newer"'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade 'pip>=25.1'
	touch $@

$(TOOLS): .venv/.made pyproject.toml
	$(BIN)/python -m pip install -q --group test
	touch $@

# The suite and the demo run on the built wheel, as a user gets it; with AWS, charts and notebooks.
$(WHEEL): .venv/.made $(SOURCES)
	rm -rf .venv/dist
	$(BIN)/python -m pip wheel -q --no-deps -w .venv/dist .
	$(BIN)/python -m pip install -q --force-reinstall --no-deps .venv/dist/*.whl
	$(BIN)/python -m pip install -q "$$(echo .venv/dist/*.whl)[aws,notebook]"
	touch $@
