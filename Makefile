# TumorView: everything a developer or a first visitor runs. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup system demo test lint types layers pytest bench bench-napari soak kill fuzz screenshots screens docs wheel clean table4 table4-report model

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.tumorview-installed
WORKERS ?= 2
PIP_ARGS ?=
DATA ?=
MODELS ?=
MINUTES ?= 60
KILLS ?= 30
INPUTS ?= 10000
TABLE4_VENV := .venv-table4
TABLE4_STAMP := $(TABLE4_VENV)/.tumorview-table4-installed

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## create .venv and install the pinned versions (PIP_ARGS="..." is handed to pip)

$(STAMP): pyproject.toml constraints.txt
	@tools/setup.sh "$(VENV)" $(PIP_ARGS)
	@touch $@

system:  ## install missing system libraries (root with apt), or name them
	@tools/system.sh

demo: system setup  ## segment the bundled patient, print Dice, save pictures; with a display open the window
	@tools/demo.sh "$(BIN)"

test: system setup lint types layers pytest  ## everything that is checked

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

types: setup
	$(BIN)/mypy
	$(BIN)/mypy -p tools
	$(BIN)/mypy benchmarks/*.py

layers: setup
	$(BIN)/lint-imports --no-logo

pytest: setup
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

bench: setup  ## the project's own performance table, then the timed hot paths
	$(BIN)/tumorview bench
	$(BIN)/pytest tests/benchmarks --benchmark-enable

bench-napari: setup  ## scroll and paint in napari and here, in turns (own environment of about 1 GB)
	@benchmarks/napari/setup.sh .venv-napari
	$(BIN)/python benchmarks/napari/compare.py

soak: setup  ## an hour of scripted reading (MINUTES=60); memory, threads and Qt's warnings are judged
	$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

kill: setup  ## kill the program while somebody paints, thirty times (KILLS=30); every finished step must come back
	TUMORVIEW_KILLS=$(KILLS) $(BIN)/pytest tests/e2e/test_crash.py -s

fuzz: setup  ## open thousands of damaged files (INPUTS=10000): each in 5 s and 1 GB, with a study or a clear error
	$(BIN)/python -m tests.fuzz --inputs $(INPUTS)

screenshots: setup  ## take the pictures of the documentation again
	$(BIN)/python docs/make_screenshots.py
	$(BIN)/python docs/tool_pictures.py
	$(BIN)/python docs/opening_pictures.py
	$(BIN)/python docs/panel_pictures.py

screens: setup  ## after a change of the window that is meant: keep how its main states look, and the page of keys
	TUMORVIEW_UPDATE_SCREENS=1 $(BIN)/pytest -q tests/gui/test_screens.py
	$(BIN)/tumorview actions --markdown > docs/user-guide/shortcuts.md

docs: setup  ## build the documentation into site/
	$(BIN)/pip install -q -c constraints.txt -e '.[docs]' --no-build-isolation
	$(BIN)/python -m tools.model_card page
	$(BIN)/tumorview actions --markdown > docs/user-guide/shortcuts.md
	$(BIN)/mkdocs build --strict

table4: $(TABLE4_STAMP)  ## train and test the paper's Table 4 (DATA=path/to/kaggle_3m, about an hour and a half), write docs/results.md
	@[ -n "$(DATA)" ] || { echo 'Say where the LGG collection is: make table4 DATA=path/to/kaggle_3m' >&2; exit 2; }
	$(TABLE4_VENV)/bin/python -m tools.table4 run --data "$(DATA)"
	$(TABLE4_VENV)/bin/python -m tools.table4 report

table4-report: $(TABLE4_STAMP)  ## write docs/results.md from the finished rows
	$(TABLE4_VENV)/bin/python -m tools.table4 report

$(TABLE4_STAMP): tools/table4/requirements.txt tools/table4/constraints.txt | setup
	@tools/table4/setup.sh "$(TABLE4_VENV)" $(PIP_ARGS)
	@touch $@

model: setup  ## bundle finished runs (MODELS="ID=RUN ID=RUN" DATA="FOLDER FOLDER"): weights, evaluation, cards, page
	@[ -n "$(MODELS)" ] && [ -n "$(DATA)" ] || { \
	    echo 'usage: make model MODELS="unet-cbam-lgg=runs/lgg unet-cbam-lgg-lite=runs/lgg-lite" DATA="path/to/kaggle_3m"' >&2; exit 2; }
	$(BIN)/pip install -q -c constraints.txt -e '.[docs]' --no-build-isolation
	$(BIN)/python -m tools.ship_model $(MODELS) $(foreach folder,$(DATA),--data $(folder))

wheel: setup  ## build the wheel into dist/
	$(BIN)/pip wheel --no-deps --no-build-isolation -w dist .

clean:  ## remove what can be made again (not .venv)
	rm -rf build dist site demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
