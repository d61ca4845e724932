# Few targets that say what they do. Both `make demo` and `make test` set everything up first.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
BENCHMARKS := codec text visual audio faces gallery imports segment sandbox assembly replay startup hip pipeline library
SOURCES := schemas models processors streams dashboard benchmarks tests docs

.PHONY: demo test check docs bench up lock weights screenshots clean

demo: $(INSTALLED)  ## a real video through real Kafka to a real prediction
	$(BIN)/groundswell demo

up: $(INSTALLED)  ## Kafka, workers, everything, until Ctrl-C
	$(BIN)/groundswell up

test: $(INSTALLED)  ## all tests, on a real Kafka, in a real browser
	$(BIN)/python tests/two_halves.py

weights: $(INSTALLED)  ## every network, also that of speech recognition (300 MB)
	$(BIN)/groundswell weights fetch default asr

check: $(INSTALLED)  ## style, types, layers, generated docs
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py
	$(BIN)/python docs/generate.py --check

docs: $(INSTALLED)  ## write the generated documents again
	$(BIN)/python docs/generate.py

screenshots: $(INSTALLED)  ## a picture of every page, from a real system in a real browser
	$(BIN)/python docs/screenshots.py

bench: $(INSTALLED)  ## every benchmark, as tables
	for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

# Every extra but gpu: torch brings 4 GB of CUDA, which neither the demo nor the tests need.
LOCKED := demo asr pytube s3 redis dev
lock: $(INSTALLED)  ## resolve requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(addprefix --extra ,$(LOCKED)) \
		--no-emit-index-url --no-header pyproject.toml -o requirements.lock

clean:  ## remove the virtual environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Groundswell needs Python 3.11 or newer; name one with make PYTHON=python3.12 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==$$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(INSTALLED)
