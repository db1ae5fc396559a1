.PHONY: setup test check

# Python's packages for the practice cloud, in an environment of their own. Done before: returns at once.
setup:
	@tests/cloud/setup.sh

# Tests wait for the practice cloud more than they work: one more of them at a time than there are cores.
export RUST_TEST_THREADS ?= $(shell echo $$(( $$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2) + 1 )))

# Sets everything up and runs all tests: ours, and those of the practice cloud that they run against.
test: setup
	cargo test --locked --no-fail-fast
	tests/cloud/test.sh

# What a change has to pass.
check:
	@.ci/run

# The practice cloud: an AWS to deploy to that costs nothing and behaves badly.

.PHONY: cloud cloud-test

# make cloud WEATHER=aws PORT=4566
cloud:
	@tests/cloud/start.sh --weather "$(or $(WEATHER),calm)" --port "$(or $(PORT),4566)"

cloud-test:
	tests/cloud/test.sh

# Whole deploys under the weather of AWS, beside osls and SAM CLI: one table.
.PHONY: bench
bench: setup
	benches/whole
	benches/table --calls

# Everything from nothing: an emulated cloud on loopback, a service that goes up, changes, and comes down again.
.PHONY: demo
demo:
	@tests/demo.sh
