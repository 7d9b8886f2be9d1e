# make run: the index of images/ and the app. make test: all tests. PYTHON and VENV may be set.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: run index test kaggle

run: index
	$(BIN)/streamlit run app.py

index: $(VENV)/installed
	$(BIN)/python extract_features.py

test: $(VENV)/installed-tests
	$(BIN)/python -m pytest

kaggle: $(VENV)/installed
	$(BIN)/python -m lookalike fetch

$(VENV)/installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/installed-tests: $(VENV)/installed tests/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@
