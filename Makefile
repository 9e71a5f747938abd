# Two commands do everything, set-up included: `make demo` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   := $(if $(IMAGES),--images "$(IMAGES)") $(if $(CAMERA),--camera "$(CAMERA)")

.PHONY: help demo test test-tools lint setup clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: setup  ## a reader at work on real faces; IMAGES=DIR for your own pictures, CAMERA=0 for a camera
	$(BIN)/python -m tools.demo $(DEMO)

test: lint  ## everything that must hold, with a real broker
	$(BIN)/python -m pytest

test-tools: $(VENV)/.tools  ## the tests that `make test` skips without PyTorch; gets it, and converters, first
	$(BIN)/python -m pytest $$(grep -rlE 'importorskip."(torch|tools\.)' tests)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(VENV)/.ready  ## the virtual environment and Mosquitto

$(VENV)/.ready: pyproject.toml tools/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) sh tools/setup.sh
	touch $@

$(VENV)/.tools: pyproject.toml $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,tools]'
	touch $@

clean:  ## forget the virtual environment and what tools left behind
	rm -rf $(VENV) build demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
