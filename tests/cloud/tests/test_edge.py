"""Functions at CloudFront's edge."""

from __future__ import annotations

import json
import time
from typing import Any

from conftest import ACCOUNT, Cloud
from test_rules import INVALID, refused

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}]})
BAD = "InvalidLambdaFunctionAssociation"


def config(arn: str, **more: Any) -> dict[str, Any]:
    associations = [{"LambdaFunctionARN": arn, "EventType": "viewer-request"}] if arn else []
    return {
        "CallerReference": "1", "Comment": "", "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "a.example", "CustomOriginConfig": {
            "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "match-viewer"}}]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
                                 "LambdaFunctionAssociations": {"Quantity": len(associations), "Items": associations}}, **more}


def test_functions_stand_at_the_edge_and_leave_replicas(cloud: Cloud) -> None:
    cloud.settings(consistency__distribution_ms=500, consistency__replicas_s=1)
    front, aws = cloud.client("cloudfront"), cloud.client("lambda")
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:hello"
    cloud.function(role=cloud.role("plain"), Timeout=5, MemorySize=128, Publish=True)
    for arn, why in ((function, "specific function version"), (f"{function}:7", "does not exist"), (f"{function}:1", "assumable")):
        with refused(BAD, why):
            front.create_distribution(DistributionConfig=config(arn))
    aws.update_function_configuration(FunctionName="hello", Role=cloud.role("edge", trust=TRUST))
    assert aws.publish_version(FunctionName="hello")["Version"] == "2"
    made = front.create_distribution(DistributionConfig=config(f"{function}:2"))
    one = made["Distribution"]["Id"]
    assert made["Distribution"]["Status"] == "InProgress"
    with refused(INVALID, "replicated function"):
        aws.delete_function(FunctionName="hello")
    off = front.update_distribution(Id=one, DistributionConfig=config("", Enabled=False), IfMatch=made["ETag"])
    with refused("DistributionNotDisabled"):
        front.delete_distribution(Id=one, IfMatch=off["ETag"])
    time.sleep(0.5)
    assert front.get_distribution(Id=one)["Distribution"]["Status"] == "Deployed"
    front.delete_distribution(Id=one, IfMatch=off["ETag"])
    time.sleep(0.6)
    aws.delete_function(FunctionName="hello")


def test_functions_of_cloudfront_are_tried(cloud: Cloud) -> None:
    front = cloud.client("cloudfront")
    about = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    good, bad = (b"function handler(event) { console.log('hi'); return event.request; }", b"function handler(event) { return nothing.at.all; }")
    tag = front.create_function(Name="rewrite", FunctionConfig=about, FunctionCode=good)["ETag"]
    event = json.dumps({"request": {"uri": "/x"}}).encode()
    with refused("InvalidIfMatchVersion"):
        front.test_function(Name="rewrite", IfMatch="other", EventObject=event)
    result = front.test_function(Name="rewrite", IfMatch=tag, EventObject=event)["TestResult"]
    assert (json.loads(result["FunctionOutput"]), result["FunctionExecutionLogs"]) == ({"uri": "/x"}, ["hi"])
    assert not result["FunctionErrorMessage"]
    tag = front.update_function(Name="rewrite", IfMatch=tag, FunctionConfig=about, FunctionCode=bad)["ETag"]
    assert "nothing is not defined" in front.test_function(Name="rewrite", IfMatch=tag, EventObject=event)["TestResult"]["FunctionErrorMessage"]
