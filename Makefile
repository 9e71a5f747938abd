# Two commands do everything, set-up included: `make demo` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   := $(if $(IMAGES),--images "$(IMAGES)") $(if $(CAMERA),--camera "$(CAMERA)")

.PHONY: help demo test test-tools test-browser test-cameras arm64 booted lint setup clean

help:  ## what can be made
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: setup  ## a reader at work on real faces; IMAGES=DIR for your own pictures, CAMERA=0 for a camera
	$(BIN)/python -m tools.demo $(DEMO)

test: lint  ## everything that must hold, with a real broker
	$(BIN)/python -m pytest

test-tools: $(VENV)/.tools  ## the tests that `make test` skips without PyTorch; gets it, and converters, first
	$(BIN)/python -m pytest $$(grep -rlE 'importorskip."(torch|tools\.)' tests)

test-cameras: setup  ## cameras that fail, with GStreamer's own server too, which `make test` leaves out
	apt-get install -y -qq --no-install-recommends gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good \
	    gstreamer1.0-plugins-ugly python3-gi
	GST=1 $(BIN)/python -m pytest tests/service/test_cameras_fail.py

arm64: setup  ## what an arm64 board computes and installs, emulated; as root, half an hour the first time
	sh tools/arm64/prove.sh

booted: setup  ## the service under a real systemd, in a container; as root
	sh tools/booted/prove.sh

test-browser:  ## the console in a real Chromium, which it gets first (290 MB)
	PYTHON=$(PYTHON) VENV=$(VENV) BROWSER=1 sh tools/setup.sh
	$(BIN)/python -m pytest -m browser

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
