"""What the service models refuse, in each protocol's own shape."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import TRUST, Cloud

CASES: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("lambda", "update_function_configuration", {"FunctionName": "f", "MemorySize": 64}, "ValidationException",
     "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: "
     "Member must have value greater than or equal to 128"),
    ("lambda", "get_function", {"FunctionName": "no spaces please"}, "ValidationException", "at 'functionName'"),
    ("lambda", "create_function", {"FunctionName": "f", "Code": {}}, "ValidationException",
     "Value null at 'role' failed to satisfy constraint: Member must not be null"),
    ("lambda", "create_function", {"FunctionName": "f", "Code": {}, "Role": "arn:aws:iam::123456789012:role/r",
                                   "TracingConfig": {"Mode": "Sometimes"}}, "ValidationException", "enum value set"),
    ("iam", "create_role", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": TRUST}, "ValidationError",
     "Member must have length less than or equal to 64"),
    ("iam", "create_role", {"RoleName": "r"}, "ValidationError", "Value null at 'assumeRolePolicyDocument'"),
    ("logs", "put_retention_policy", {"logGroupName": "/a b", "retentionInDays": 7}, "InvalidParameterException", "pattern"),
    ("events", "put_rule", {"Name": "r" * 65, "ScheduleExpression": "rate(1 day)"}, "ValidationException", "length"),
    ("scheduler", "create_schedule", {"Name": "s", "ScheduleExpression": "rate(1 day)"}, "ValidationException",
     "Value null at 'target'"),
    ("cloudformation", "create_stack", {"StackName": "s", "Capabilities": ["CAPABILITY_ANYTHING"]}, "ValidationError", "enum"),
    ("sqs", "create_queue", {}, "InvalidParameterValue", "Value null at 'queueName'"),
    ("sns", "subscribe", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t"}, "InvalidParameter", "Value null at 'protocol'"),
    ("apigatewayv2", "create_api", {"Name": "a", "ProtocolType": "CARRIER_PIGEON"}, "BadRequestException", "enum"),
    ("s3", "put_bucket_versioning", {"Bucket": "b", "VersioningConfiguration": {"Status": "Perhaps"}}, "InvalidArgument", "enum"),
]


@pytest.mark.parametrize(("service", "operation", "wrong", "code", "message"), CASES)
def test_what_breaks_the_model_is_refused(
    cloud: Cloud, service: str, operation: str, wrong: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(cloud.client(service), operation)(**wrong)
    assert refused.value.response["Error"]["Code"] == code
    assert message in refused.value.response["Error"]["Message"]
    assert cloud.get("calls")["calls"][0]["by_front"]


def test_it_can_be_turned_off(cloud: Cloud) -> None:
    cloud.settings(constraints__model=False)
    cloud.client("iam").create_role(RoleName="r" * 70, AssumeRolePolicyDocument=TRUST)
