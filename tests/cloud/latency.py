"""How long each call takes, in milliseconds.

AWS publishes none of this and no trustworthy measurement of most of it exists (reference, section 1.1), so
every figure is assumed unless its line names a source. What is not listed takes `latency.reads_ms` (60) or
`latency.writes_ms` (200). The setting `latency.table` overrides single operations.
"""

from __future__ import annotations

import random

from .operations import Operation
from .settings import Settings

LATENCIES: dict[str, float] = {
    "lambda.CreateFunction": 800,  # a failed one took 1.3 s: epam/aws-syndicate#63
    "lambda.UpdateFunctionCode": 500,
    "lambda.UpdateFunctionConfiguration": 400,
    "lambda.DeleteFunction": 300,
    "lambda.PublishVersion": 400,
    "lambda.PublishLayerVersion": 700,
    "lambda.AddPermission": 200,
    "lambda.RemovePermission": 200,
    "lambda.CreateEventSourceMapping": 300,
    "lambda.Invoke": 0,  # the function's own time
    "lambda.InvokeWithResponseStream": 0,
    "iam.CreateRole": 250,
    "iam.PutRolePolicy": 200,
    "iam.DeleteRole": 200,
    "apigateway.CreateRestApi": 600,  # aws/aws-sdk-js#1014: 0.60 s
    "apigateway.GetRestApis": 410,  # aws/aws-sdk-js#1014: 0.41 s
    "apigateway.DeleteRestApi": 920,  # aws/aws-sdk-js#1014: 0.92 s
    "apigateway.ImportRestApi": 800,
    "apigateway.PutRestApi": 800,
    "apigateway.CreateDeployment": 600,
    "apigatewayv2.ImportApi": 700,
    "apigatewayv2.ReimportApi": 700,
    "apigatewayv2.CreateApi": 300,
    "s3.CreateBucket": 500,
    "s3.PutObject": 200,  # alchemy-effect src/state.ts: about 200 ms, a designer's note
    "s3.PutBucketNotificationConfiguration": 300,
    "sqs.CreateQueue": 150,
    "sns.CreateTopic": 150,
    "sns.Subscribe": 150,
    "logs.CreateLogGroup": 150,
    "events.PutRule": 150,
    "events.PutTargets": 150,
    "cloudformation.CreateStack": 400,
    "cloudformation.UpdateStack": 400,
    "cloudformation.CreateChangeSet": 400,
}


class Latency:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def seconds(self, operation: Operation, settings: Settings) -> float:
        if not settings["latency.enabled"]:
            return 0.0
        name = operation.full_name
        usual = settings["latency.reads_ms" if operation.reads else "latency.writes_ms"]
        base: float = settings["latency.table"].get(name, LATENCIES.get(name, usual))
        jitter: float = settings["latency.jitter"]
        scale: float = settings["latency.scale"]
        return base * scale * self._random.uniform(1 - jitter, 1 + jitter) / 1000
