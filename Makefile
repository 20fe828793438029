# governed.delivery: everything a clone can do. `make help` lists it.
# Needs only Python 3.11, 3.12 or 3.13 with venv and pip; all it makes is in build/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup components demo demo-stop test lint sanity unit integration locks backups promotion molecule real kubernetes collectors bench faults races build report lock clean

PYTHONS := python3 python3.13 python3.12 python3.11
PYTHON ?= $(shell for python in $(PYTHONS); do \
  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$python; break; }; done)
NO_PYTHON := No Python 3.11, 3.12 or 3.13 found (tried: $(PYTHONS)). Install one, or name it: make setup PYTHON=/path/to/python3.12

VENV := build/venv
READY := $(VENV)/.ready
COLLECTION := build/collections/ansible_collections/governed/delivery

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PYTHONPATH := $(CURDIR)/build/collections

help:  ## this list
	@awk -F ':.*##' '/^[a-z ]+:.*##/ {printf "  make %-40s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## virtual environment from requirements/dev.lock

$(READY): requirements/dev.lock
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (some 25 s and 360 MB)"
	@$(PYTHON) -m venv $(VENV) || { echo "python -m venv failed. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@PIP_USE_PEP517=1 $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements/dev.lock
	@mkdir -p $(dir $(COLLECTION))
	@ln -sfn ../../../.. $(COLLECTION)
	@touch $@

components: $(READY) $(VENV)/.components  ## real servers built from Go modules, kept in the user's cache (ONLY=name)
	@$(VENV)/bin/python -m playground.components build $(ONLY)

$(VENV)/.components: $(READY) requirements/components.lock
	@$(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements/components.lock
	@touch $@

demo: $(READY)  ## sprint 36 on the playground: a hot table moves to its new layout under load
	@ANSIBLE_DISPLAY_OK_HOSTS=false $(VENV)/bin/ansible-playbook playbooks/playground.yml; status=$$?; \
	  $(VENV)/bin/python -m playground.foreground stop >/dev/null 2>&1; exit $$status

demo-stop: $(READY)  ## stop the demo's server and delete its data
	@$(VENV)/bin/python -m playground.postgres remove --name demo
	@$(VENV)/bin/python -m playground.backups remove

test: $(READY)  ## all tiers, and at the end which of them ran
	@$(VENV)/bin/python tests/run_tiers.py

lint sanity unit integration locks backups promotion molecule real kubernetes collectors: $(READY)  ## one tier alone
	@$(VENV)/bin/python tests/run_tiers.py $@

bench: $(READY)  ## speed beside a peer (ONLY=name TIMES=n)
	@$(VENV)/bin/python -m tests.bench $(ONLY) $(if $(TIMES),--times $(TIMES))

faults: $(READY)  ## kill it at random points, run again, compare (ONLY=name POINTS=n SEED=s)
	@$(VENV)/bin/python -m tests.faults $(ONLY) $(if $(POINTS),--points $(POINTS)) $(if $(SEED),--seed $(SEED))

races: $(READY)  ## shifts there and back under four writers, compared at every stage (ROUNDS=n SEED=s)
	@$(VENV)/bin/python -m tests.integration.rounds --rounds $(or $(ROUNDS),50) --seed $(or $(SEED),1)

build: $(READY)  ## the collection as a tarball in build/
	@$(VENV)/bin/ansible-galaxy collection build --force --output-path build

report: $(READY)  ## write the report of the last demo anew from its evidence
	@$(VENV)/bin/ansible localhost -m governed.delivery.promotion_report -a '{"directory": "$(CURDIR)/build/evidence", "plan": "sprint_36"}'

lock: $(READY)  ## requirements/dev.lock anew from dev.in
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --override requirements/overrides.txt requirements/dev.in -o requirements/dev.lock
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" requirements/components.in -o requirements/components.lock

clean:  ## remove build/ (stop the playground first)
	rm -rf build .ansible
