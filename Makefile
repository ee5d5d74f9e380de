# Everything that a checkout needs, on a bare Debian or Ubuntu too. What is there is not installed again.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help setup system browser demo pipeline test test-slow test-lowest lint format docs benchmark clean

BIN := .venv/bin
READY := .venv/.ready
PIECE := BeethovenLv__WoO59__fur-elise
# PyTorch for processors, small; docs/training.md says how to have a GPU's instead.
TORCH := 2.13.0
TORCH_INDEX := https://download.pytorch.org/whl/cpu

# What `make pipeline` works on. MANIFEST: which pieces of the tree; all for keyboard, if not given.
# SPLIT: a column of a CSV file, as CSV:COLUMN; whole works by FRACTIONS, if not given.
MUTOPIA ?= msmdtools/pieces
MANIFEST ?=
SOUNDFONTS ?= TimGM6mb
SPLIT ?=
FRACTIONS ?= 0.6,0.2,0.2
MODEL ?= compact-4s
# Trained weights to begin with: those of the model's name that come with msmdtools. INIT= begins at random,
# which takes hours of training on hundreds of pieces to be worth anything.
INIT ?= $(filter compact-4s large-4s,$(MODEL))
# Of these the sheet windows are wider than those of the papers.
WIDE = $(if $(filter compact-8s large-8s,$(MODEL)),--sheet 160x400)
BUDGET ?= 2m
OUT ?= demo/pipeline

# apt PACKAGES: installs them, as root or through sudo; the package lists are fetched only when the first
# try fails. Elsewhere than on Debian and Ubuntu it says what to install and gives up.
define functions
apt() {
  command -v apt-get > /dev/null || {
    echo "This is not Debian or Ubuntu. Install by hand what these packages hold there, and run make again:" >&2
    echo "  $$*" >&2
    exit 1
  }
  local root=()
  if [ "$$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || {
      echo "Neither root nor sudo. Ask an administrator to run: apt-get install $$*" >&2
      exit 1
    }
    root=(sudo)
  fi
  echo "Installing $$*"
  local install=("$${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$$@")
  "$${install[@]}" > /dev/null 2>&1 || { "$${root[@]}" apt-get update -qq; "$${install[@]}" > /dev/null; }
}
find_python() {
  local candidate
  for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do
    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      echo "$$candidate"
      return
    fi
  done
}
endef

help:  ## show this help
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS=$$'\t' read -r target meaning; do
	  printf '  make %-10s %s\n' "$$target" "$$meaning"
	done

setup: $(READY)  ## make .venv with msmdtools and its development tools (PYTHON=… chooses the interpreter)

$(READY): pyproject.toml
	$(functions)
	if [ ! -x $(BIN)/python ] || ! $(BIN)/python -m pip --version > /dev/null 2>&1; then
	  command -v python3 > /dev/null || apt python3 python3-venv
	  python=$$(find_python)
	  if [ -z "$$python" ]; then
	    echo "msmdtools needs Python 3.11 or later; here is $$(python3 --version 2>&1)." >&2
	    echo "Install one (Ubuntu 22.04: apt-get install python3.11-venv) and run make again, or name it: make setup PYTHON=/path/to/python3.11" >&2
	    exit 1
	  fi
	  "$$python" -c 'import ensurepip, venv' 2> /dev/null || apt "$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
	  echo "Making an environment for Python in .venv"
	  "$$python" -m venv .venv
	fi
	if ! $(BIN)/python -c 'import torch' 2> /dev/null; then
	  echo "Installing PyTorch $(TORCH) for processors (this may take a minute or two)"
	  pip=($(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==$(TORCH)")
	  "$${pip[@]}" --index-url $(TORCH_INDEX) --retries 0 --timeout 10 2> /dev/null || "$${pip[@]}"
	fi
	echo "Installing msmdtools and its Python packages into .venv (this may take a minute or two)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

system:  ## install what is missing of FluidSynth, a small soundfont and bubblewrap
	$(functions)
	missing=()
	{ ldconfig -p 2> /dev/null || /sbin/ldconfig -p 2> /dev/null || true; } | grep 'libfluidsynth\.so' > /dev/null || missing+=(libfluidsynth3)
	font=$$(find -L /usr/share/sounds /usr/share/soundfonts ~/.local/share -name TimGM6mb.sf2 -print -quit 2> /dev/null || true)
	[ -n "$$font" ] || missing+=(timgm6mb-soundfont)
	if ! command -v bwrap > /dev/null; then
	  # The one of the three that a build can do without, and that only Linux has.
	  if command -v apt-get > /dev/null; then missing+=(bubblewrap); else
	    echo "No bubblewrap here: LilyPond will run with limits, but without a sandbox." >&2
	  fi
	fi
	[ $${#missing[@]} -eq 0 ] || apt "$${missing[@]}"

browser:  ## install Chromium, in which the player is tested
	$(functions)
	command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null || apt chromium

demo: setup system  ## build a small dataset from the bundled pieces and draw one of its pages
	$(BIN)/msmd build --sample --out demo/dataset --soundfonts TimGM6mb --tempi 1.0
	$(BIN)/msmd show page demo/dataset $(PIECE) -o demo/alignment.png
	echo
	echo "The dataset is in demo/dataset (its README.md describes it);"
	echo "a page with its note heads and their onsets in the audio: $(CURDIR)/demo/alignment.png"

# Each step goes on with what it finds finished; 3 says that some pieces could not be built.
pipeline: setup system  ## sources to figures: ingest, build, snippets, train, eval (MUTOPIA=… MANIFEST=… MODEL=… INIT=… BUDGET=… OUT=…)
	mkdir -p $(OUT)
	manifest=$(or $(MANIFEST),$(OUT)/manifest.csv)
	[ -e "$$manifest" ] || $(BIN)/msmd ingest $(MUTOPIA) --out "$$manifest"
	$(BIN)/msmd build --manifest "$$manifest" --root $(MUTOPIA) --out $(OUT)/dataset --soundfonts $(SOUNDFONTS) --tempi 1.0 || [ $$? -eq 3 ]
	$(BIN)/msmd snippets $(OUT)/dataset --out $(OUT)/snippets $(if $(SPLIT),--split $(SPLIT),--split-by work --fractions $(FRACTIONS)) $(WIDE)
	resume=()
	[ ! -e $(OUT)/run/checkpoints/last.pt ] || resume=(--resume)
	$(BIN)/msmd train $(OUT)/snippets --model $(MODEL) $(if $(INIT),--init $(INIT)) --budget $(BUDGET) --out $(OUT)/run "$${resume[@]}"
	$(BIN)/msmd eval snippets $(OUT)/run $(OUT)/snippets -o $(OUT)/report
	echo
	echo "Tables and pictures: $(abspath $(OUT))/report; curves of the training: $(abspath $(OUT))/run/curves.png"

# The tests of a file stay together: what they share is made once.
test: setup system  ## run the fast tests, on all processors
	$(BIN)/python -m pytest --numprocesses "$$(nproc)" --dist loadfile

test-slow: setup system  ## run the slow tests (some need the Mutopia tree: MSMD_MUTOPIA=…/ftp)
	$(BIN)/python -m pytest -m slow

# PyTorch alone is the usual one: its oldest builds bring gigabytes of CUDA with them.
LOWEST := .venv-lowest/bin/python
LOWEST_TESTS := $(addprefix tests/test_,cli_root.py parquet.py reader.py features_spectrogram.py perform_midi.py \
  perform_audio.py written_music.py build_sample.py retrieval_queries.py snippet_loader.py training_cli.py)
test-lowest: setup system  ## run some of the tests with the lowest versions that pyproject.toml allows
	uv=($(BIN)/uv pip install --quiet --python $(LOWEST))
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-lowest
	"$${uv[@]}" "torch==$(TORCH)" --index-url $(TORCH_INDEX) 2> /dev/null || "$${uv[@]}" --find-links "$${PIP_FIND_LINKS:-.}" "torch==$(TORCH)"
	"$${uv[@]}" --resolution lowest-direct -e '.[search]' "torch==$$($(LOWEST) -c 'import importlib.metadata as m; print(m.version("torch"))')"
	"$${uv[@]}" hypothesis pretty_midi pytest pytest-xdist
	$(LOWEST) -m pytest --numprocesses "$$(nproc)" $(LOWEST_TESTS)

lint: setup  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## bring the code into the house style
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

docs: setup  ## write the generated parts of docs/ anew
	$(BIN)/python -m msmdtools.cli.reference > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md
	$(BIN)/python -m msmdtools.cli.rooms docs/architecture.md
	$(BIN)/python -m msmdtools.dataset.reference docs/dataset.md
	$(BIN)/python -m msmdtools.loading.reference docs/snippets.md docs/loader.md
	$(BIN)/python -m msmdtools.models.reference docs/models.md

benchmark: setup system  ## measure the cost of a build against bare LilyPond and FluidSynth
	for program in benchmarks/*.py; do $(BIN)/python "$$program"; done

clean:  ## remove what make made (the environment, the demo, caches)
	rm -rf .venv .venv-lowest demo build dist scratch .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find msmdtools tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
