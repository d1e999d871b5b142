# `make serve` and `make test` are all a newcomer needs. Each makes its environment first, and again when pyproject.toml
# or its lock file changes: .venv-serve/ has what serving needs, and .venv/ also has what the tests need.
# PORT=8080 make serve moves the server. make test ARGS="-k topic" runs some of the tests, and JOBS=0 one after another.

PYTHONS = python3 python3.14 python3.13 python3.12 python3.11 python
BIN = .venv/bin
READY = .venv/ready
# Whoever has run the tests has all that serving needs already.
SERVE = $(if $(wildcard $(READY)),.venv,.venv-serve)
# Most tests wait for real processes, so that many more of them run at once than there are cores. A file stays together.
JOBS = 6
XDIST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
PYTEST = $(XDIST) --ignore=tests/hosts --ignore=tests/installing

# The page's script as browsers get it. The build makes it, and this makes it again after one of its modules has changed.
SCRIPT = qa_service/web/chat.min.js
MODULES = hatch_build.py qa_service/web/script_modules.py $(wildcard qa_service/web/static/* clients/js/src/*)

# With it, each of hundreds of processes would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

PIP = --quiet --disable-pip-version-check
LOCK = $(BIN)/uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-header --quiet

.PHONY: serve test hosts install-check check cover bench chaos soak upgrade lock clean

serve: $(SERVE)/ready
	@$(SERVE)/bin/python hatch_build.py
	@exec $(SERVE)/bin/qa-service serve

test: $(READY) $(SCRIPT)
	$(PYTEST) $(ARGS)

# The examples of sites and proxies, each started as its page says. They need the programs that .ci/run installs.
hosts: $(READY)
	$(XDIST) tests/hosts $(ARGS)

# What takes minutes because it downloads: the environment of `make serve`, the wheel in it, the client for JavaScript in
# Deno and Bun, and those for Android and iOS, compiled with Kotlin's and Swift's compilers. It needs Debian's
# default-jre-headless, libandroid-json-java, bubblewrap and debootstrap, and root unless Swift is installed.
install-check: $(READY)
	$(XDIST) tests/installing $(ARGS)

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

# The exact versions that are built and tested with, and their hashes, after pyproject.toml has changed. The files are for
# all systems and every Python from the oldest one on, and have the same versions.
lock: $(READY)
	@$(BIN)/python -m pip install $(PIP) uv
	$(LOCK) --all-extras --output-file requirements.lock
	$(LOCK) --all-extras --output-file requirements-dev.lock --group dev
	$(LOCK) --extra semantic --extra knowledge --constraint requirements.lock --output-file requirements-serve.lock

clean:
	rm -rf .venv .venv-serve qa_service/web/chat.min.js* .hosts .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# The environment lies in the folder of the target, and has what is in the lock file, which is named last. Python 3.11 also
# puts setuptools there, which nothing needs. Where it isn't there, pip says nothing about that if it is told twice to be quiet.
define ENVIRONMENT
@for python in $(PYTHONS); do \
  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "qa-service needs Python 3.11 or newer, and there is none on the PATH." >&2; exit 1; \
elif ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
  echo "$$found can't make a virtual environment: install its venv package (Debian: apt install python3-venv)." >&2; exit 1; \
fi; \
echo "Setting up $(@D)/ with $$($$found --version): a minute, once."; \
$$found -m venv $(@D)
@$(@D)/bin/python -m pip uninstall $(PIP) --quiet --yes setuptools
@$(@D)/bin/python -m pip install $(PIP) $(COMPILE) --retries 2 --require-hashes --requirement $(lastword $^) >$(@D)/log 2>&1 || { \
  if grep -qE '$(NO_NETWORK)' $(@D)/log; then \
    echo "What qa-service needs can't be downloaded, because the package index can't be reached: look at the network," \
      "or name a proxy in https_proxy or an index in PIP_INDEX_URL, and run make again." >&2; \
  else cat $(@D)/log >&2; fi; exit 1; }
@$(@D)/bin/python -m pip install $(PIP) --no-deps --no-build-isolation --editable .
@touch $@
endef
# Most modules of large packages are never imported where nothing but serving is done, and compiled they take 40 MB.
.venv-serve/ready: COMPILE = --no-compile
NO_NETWORK = NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Failed to establish|Max retries

.venv/ready: pyproject.toml requirements-dev.lock
	$(ENVIRONMENT)

.venv-serve/ready: pyproject.toml requirements-serve.lock
	$(ENVIRONMENT)
