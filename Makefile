# The commands of this project; `make` alone lists them. Everything sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check serve bench peers lock
RUN := .venv/bin/
# Compiled modules are kept, whatever the environment says: every start without them compiles them all.
unexport PYTHONDONTWRITEBYTECODE
READY := .venv/ready

help: ## list the commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with the locked dependencies
$(READY): requirements.lock pyproject.toml
	@bash tests/peers/setup.sh

demo: $(READY) ## see it work: rooms in your browser, where you read what is said
	@$(RUN)transcriber demo

serve: $(READY) ## run the service
	@$(RUN)transcriber serve

check: $(READY) ## format, lint, types, import contracts, known vulnerabilities, unit lane: under a minute
	@$(RUN)ruff format --check . && $(RUN)ruff check . && $(RUN)mypy . && $(RUN)lint-imports --no-logo
	@$(RUN)python -m tests.vulnerable
	@$(RUN)python -m tests.shares

test: peers ## all lanes, with the real peers that can be had here; TORCH=1: models too
	@rm -f .coverage .coverage.* && $(RUN)python -m pytest -q --cov --cov-context=test --cov-report= \
	  -n 3 --dist loadfile --no-loadscope-reorder --hypothesis-profile=thorough tests/peers tests/faults tests/unit
	@$(if $(TORCH),bash tests/gpu/setup.sh && if [ -e .venv-torch/ready ]; then \
	  .venv-torch/bin/python -m pytest -q tests/gpu; fi)
	@$(RUN)python -m tests.coverage

bench: $(READY) ## what things cost, at small sizes
	@$(RUN)python -m tests.load

peers: $(READY) ## install the real programs the tests talk to, where this is possible
	@bash tests/peers/install.sh

lock: $(READY) ## renew requirements.lock
	@$(RUN)uv pip compile -q --universal --generate-hashes --no-header --no-annotate --upgrade \
	  --extra denoise --extra embedded --extra postgres --extra nats --extra otel --extra dev pyproject.toml -o requirements.lock
