"""First calls, made before anybody's time is taken: both the emulator and botocore load a service when it is first asked for."""

from __future__ import annotations

import contextlib

import botocore.session

from .operations import service_model
from .world import AskFailed, World

# One cheap read of each service that a deploy uses.
_READS: tuple[tuple[str, str], ...] = (
    ("sts", "GetCallerIdentity"), ("iam", "ListRoles"), ("lambda", "ListFunctions"), ("logs", "DescribeLogGroups"), ("s3", "ListBuckets"),
    ("apigateway", "GetRestApis"), ("apigatewayv2", "GetApis"), ("sqs", "ListQueues"), ("sns", "ListTopics"), ("events", "ListRules"),
    ("scheduler", "ListSchedules"), ("cloudformation", "ListStacks"),
)


async def warm_up(world: World) -> None:
    """One service after the other: each is a module that the emulator loads, and they load each other."""
    # The front reads a service's model before it looks at the first call of it.
    for service in ("resourcegroupstaggingapi", *(service for service, _ in _READS)):
        service_model(service)
    for service, operation in _READS:
        # Loaded all the same.
        with contextlib.suppress(AskFailed):
            await world.ask(service, operation, {})


def first_list(url: str) -> None:
    """What is looked for by a tag, front and emulator ask all services about: the first time that takes half a second."""
    session = botocore.session.Session()
    keys = {"aws_access_key_id": "000000000000", "aws_secret_access_key": "warm"}
    client = session.create_client("resourcegroupstaggingapi", region_name="us-east-1", endpoint_url=url, **keys)
    client.get_resources(TagFilters=[{"Key": "hoist:service", "Values": ["none"]}])
