"""First calls, made before anybody's time is taken: both the emulator and botocore load a service when it is first asked for."""

from __future__ import annotations

import asyncio

from .world import AskFailed, World

# One cheap read of each service that a deploy uses.
_READS = (
    ("sts", "GetCallerIdentity"), ("iam", "ListRoles"), ("lambda", "ListFunctions"), ("logs", "DescribeLogGroups"), ("s3", "ListBuckets"),
    ("apigateway", "GetRestApis"), ("apigatewayv2", "GetApis"), ("sqs", "ListQueues"), ("sns", "ListTopics"), ("events", "ListRules"),
    ("scheduler", "ListSchedules"), ("cloudformation", "ListStacks"), ("resourcegroupstaggingapi", "GetResources"),
)


async def warm_up(world: World) -> None:
    async def once(service: str, operation: str) -> None:
        try:
            await world.ask(service, operation, {})
        except AskFailed:
            return  # loaded all the same

    await asyncio.gather(*(once(service, operation) for service, operation in _READS))
