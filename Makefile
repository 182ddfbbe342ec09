# Two commands do everything: `make demo` and `make test`.
SHELL := /bin/sh
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
INSTALLED := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

# make demo SOURCE=<folder with images/ and labels/> uses real volumes
SOURCE ?= synthetic

.PHONY: help demo test check format docs clean

help:
	@echo "make demo                  raw DICOM to Design History File, in build/demo"
	@echo "make demo SOURCE=<folder>  the same on your volumes (images/ and labels/ as NIfTI)"
	@echo "make test                  the whole test suite"
	@echo "make check                 format, lint, types, import contracts, tests, docs"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) scripts/check_python.py
	@test -x "$(BIN)/python" || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (once; takes some minutes) ..."
	@"$(BIN)/python" -m pip install --quiet -c constraints.txt -e ".[pipeline,dhf,exchange,sbom,dev]"
	@"$(BIN)/python" -m compileall -q regml  # pip leaves out what is installed in place
	@touch "$@"

demo: $(INSTALLED)
	@PATH="$(BIN):$$PATH" "$(BIN)/python" scripts/demo.py --source "$(SOURCE)"

test: $(INSTALLED)
	@PATH="$(BIN):$$PATH" "$(BIN)/python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(INSTALLED)
	"$(BIN)/ruff" format --check .
	"$(BIN)/ruff" check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"
	$(MAKE) test
	$(MAKE) docs

format: $(INSTALLED)
	"$(BIN)/ruff" format .
	"$(BIN)/ruff" check --fix .

docs: $(INSTALLED)
	"$(BIN)/python" -m sphinx -n -W -q -b html docs build/docs

clean:
	rm -rf build docs/reference/generated
