# `make serve` and `make test` are all a newcomer needs; both make .venv/ first, and again when pyproject.toml or the
# lock file changes.
# PORT=8080 make serve moves the server; make test ARGS="-k topic" runs some of the tests, and JOBS=0 one after another.

PYTHONS = python3 python3.14 python3.13 python3.12 python3.11 python
BIN = .venv/bin
READY = .venv/ready
# Most tests wait for real processes, so that many more of them run at once than there are cores. A file stays together.
JOBS = 6
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# The page's script as browsers get it. The build makes it, and this makes it again after one of its modules has changed.
SCRIPT = qa_service/web/chat.min.js
MODULES = hatch_build.py qa_service/web/script_modules.py $(wildcard qa_service/web/static/* clients/js/src/*)

# With it, each of hundreds of processes would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

PIP = --quiet --disable-pip-version-check
LOCK = $(BIN)/uv pip compile pyproject.toml --all-extras --group build --universal --python-version 3.11 --generate-hashes --no-header --quiet

.PHONY: serve test check cover bench chaos soak upgrade lock clean

serve: $(READY)
	@exec $(BIN)/qa-service serve

test: $(READY) $(SCRIPT)
	$(PYTEST) $(ARGS)

# What no test sees: form, types, and which module may import which.
check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# All tests, and that they reach nearly every line and branch.
cover: $(READY) $(SCRIPT)
	$(PYTEST) --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=95

$(SCRIPT): $(MODULES) | $(READY)
	@$(BIN)/python hatch_build.py

# How it compares with what teams write by hand, on this machine: half an hour; ARGS="--rounds 1" is a third of it.
bench: $(READY)
	@$(BIN)/python -m benchmarks.run $(ARGS)

# Minutes of random faults, ten minutes of load, and a release upgraded in place and back (REV=…); the heads of
# tests/live/chaos.py, soak.py and upgrade.py say what can be set.
chaos: $(READY)
	@$(BIN)/python -m tests.live.chaos

soak: $(READY)
	@$(BIN)/python -m tests.live.soak

upgrade: $(READY)
	@$(BIN)/python -m tests.live.upgrade

# The exact versions that are built and tested with, and their hashes, after pyproject.toml has changed. Both files are for
# all systems and every Python from the oldest one on.
lock: $(READY)
	@$(BIN)/python -m pip install $(PIP) uv
	$(LOCK) --output-file requirements.lock
	$(LOCK) --output-file requirements-dev.lock --group dev

clean:
	rm -rf .venv .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(READY): pyproject.toml requirements-dev.lock
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "qa-service needs Python 3.11 or newer, and there is none on the PATH." >&2; exit 1; \
	elif ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found can't make a virtual environment: install its venv package (Debian: apt install python3-venv)." >&2; exit 1; \
	fi; \
	echo "Setting up .venv/ with $$($$found --version): a minute, once."; \
	$$found -m venv .venv
	@$(BIN)/python -m pip install $(PIP) --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
