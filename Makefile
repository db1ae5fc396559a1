# The practice cloud: an AWS to deploy to that costs nothing and behaves badly.

.PHONY: cloud cloud-test

# make cloud WEATHER=aws PORT=4566
cloud:
	@tests/cloud/start.sh --weather "$(or $(WEATHER),calm)" --port "$(or $(PORT),4566)"

cloud-test:
	tests/cloud/test.sh
