# make run: the index of images/ and the app. make test: all tests. PYTHON and VENV may be set.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes

.PHONY: run index test test-scale test-tensorflow check audit sbom lock fuzz load bench kaggle

run: index
	$(BIN)/python -m lookalike serve

index: $(VENV)/installed
	$(BIN)/python extract_features.py

# Two files of tests at a time: browsers and servers wait for each other much of the time. A worker that dies fails the
# run; the other one does the rest.
test: $(VENV)/installed-tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

# Ray clusters, a real Milvus server and an S3 server, in a network namespace; each server has its own environment.
test-scale: $(VENV)/installed-scale
	MILVUS_SERVER=$(abspath $(VENV)-milvus/bin/milvus-server) S3_SERVER=$(abspath $(VENV)-s3/bin/moto_server) \
		tests/scale/run $(BIN)/python -m pytest tests/scale tests/extraction/test_storage.py

# The engine for GPUs, and how well the engines agree. Everything else is tested without TensorFlow.
test-tensorflow: $(VENV)/installed-tensorflow
	$(BIN)/python -m pytest tests/embedding -m tensorflow

# Style, format, types, the import table of docs/architecture.md, and code known to be unsafe.
check: $(VENV)/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache
	$(BIN)/bandit --quiet --recursive --skip B403,B404 lookalike app.py extract_features.py

# Needs the network. --strict: without it, a failed download would read as no vulnerability.
audit: $(VENV)/installed-tests
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

# What the product consists of, as CycloneDX; needs no network.
sbom: $(VENV)/installed-tests
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o sbom.json requirements.lock

# Long runs: a million malformed inputs; crowds in front of a real server.
fuzz: $(VENV)/installed-tests
	$(BIN)/python -m fuzz.run

load: $(VENV)/installed-tests
	$(BIN)/python benchmarks/load.py

# Three ratios over the demo catalogue, under three minutes; fails if one fell by a fifth below benchmarks/ratios.json.
bench: $(VENV)/installed
	$(BIN)/python benchmarks/short.py

kaggle: $(VENV)/installed
	$(BIN)/python -m lookalike fetch

# After every change of a requirements.txt or of the ranges in pyproject.toml.
LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate
lock: $(VENV)/installed-tests
	$(LOCK) -c requirements.txt --extra login -o requirements.lock pyproject.toml
	$(LOCK) -c requirements.lock -o tests/requirements.lock tests/requirements.txt
	$(LOCK) -c requirements.txt -c requirements.lock -c tests/requirements.lock --extra login --extra tensorflow \
		-o requirements-tensorflow.lock pyproject.toml
	$(LOCK) -c requirements.lock -c tests/requirements.lock -o tests/scale/requirements.lock tests/scale/requirements.txt
	$(LOCK) -o tests/scale/milvus-server.lock tests/scale/milvus-server.txt
	$(LOCK) -o tests/scale/s3-server.lock tests/scale/s3-server.txt

$(VENV)/installed: requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	touch $@

$(VENV)/installed-tests: $(VENV)/installed tests/requirements.lock
	$(INSTALL) -r tests/requirements.lock
	touch $@

$(VENV)/installed-tensorflow: $(VENV)/installed-tests requirements-tensorflow.lock
	$(INSTALL) -r requirements-tensorflow.lock
	touch $@

$(VENV)/installed-scale: $(VENV)/installed-tests $(wildcard tests/scale/*.lock)
	$(INSTALL) -r tests/scale/requirements.lock
	test -x $(VENV)-milvus/bin/python || $(PYTHON) -m venv $(VENV)-milvus
	$(VENV)-milvus/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/scale/milvus-server.lock
	test -x $(VENV)-s3/bin/python || $(PYTHON) -m venv $(VENV)-s3
	$(VENV)-s3/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r tests/scale/s3-server.lock
	touch $@
