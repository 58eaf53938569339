# Everything a reader or a machine does with this project. The work is in local/; `make` alone lists the targets.
PYTHON ?= python3
GANCHO := $(PYTHON) local/gancho.py

.DEFAULT_GOAL := help
.PHONY: help run test test-sam-local faults bench soak rehearse fuzz down lint build sbom invoke

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

run: ## the whole stack on this machine, with a recorded lead played through it; stays up
	@$(GANCHO) up

test: ## every test, against a local stack of their own; T=name for some of them
	@$(GANCHO) test $(T)

test-sam-local: ## every function with recorded events in containers, by `sam local invoke`; wants a Docker engine
	@$(GANCHO) test-sam-local

faults: ## what may strike a stack at work, under traffic, on a local stack of its own; T=name for some of it
	@$(GANCHO) faults $(T)

bench: ## the measurements of docs/performance.md; ONLY=outbound, scale, receive, deliver, timing or cost; PROFILE=release of receive and deliver; of the load run RATE=17 webhooks a second, TIME=60 s, SEED=1
	@$(GANCHO) bench $(if $(ONLY),--only $(ONLY)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(RATE),--rate $(RATE)) $(if $(TIME),--seconds $(TIME)) $(if $(SEED),--seed $(SEED))

soak: ## traffic with faults everywhere, counted at both ends; MINUTES=30, RATE=4 things a second, SEED=1
	@$(GANCHO) soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE)) $(if $(SEED),--seed $(SEED))

rehearse: ## a deployment over the version before, and its rollback, under traffic; REF=commit
	@$(GANCHO) rehearse $(REF)

fuzz: ## every parser of outside bytes, fuzzed; T=name for some of them, SECONDS_EACH=60
	@SECONDS_EACH=$(or $(SECONDS_EACH),60) nice fuzz/run $(T)

down: ## stop what runs
	@$(GANCHO) down

lint: ## formatting, clippy, documentation, template, dependencies
	@$(GANCHO) lint

build: ## the functions, for this machine
	@$(GANCHO) build

sbom: ## the bill of materials of what is deployed, in CycloneDX: .local/sbom/gancho.cdx.json
	@$(GANCHO) sbom

invoke: ## one function with a recorded event: FN=receive EVENT=events/c2s/….json
	@$(GANCHO) invoke $(or $(FN),$(error FN is missing)) $(or $(EVENT),$(error EVENT is missing))
