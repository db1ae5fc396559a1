"""Consumers of Kinesis streams."""

from __future__ import annotations

import time

from conftest import ACCOUNT, Cloud
from test_rules import EVERYTHING, INVALID, refused

STREAM = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/flow"


def test_consumers_have_tags_and_take_their_time(cloud: Cloud) -> None:
    cloud.settings(consistency__consumer_ms=600)
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="flow", ShardCount=1)
    named = {"StreamARN": STREAM, "ConsumerName": "eats"}
    arn = kinesis.register_stream_consumer(**named, Tags={"a": "1", "b": "2"})["Consumer"]["ConsumerARN"]
    assert kinesis.describe_stream_consumer(**named)["ConsumerDescription"]["ConsumerStatus"] == "CREATING"
    kinesis.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["a"])
    wanted = [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}]
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == wanted
    found = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "c"}])["ResourceTagMappingList"]
    assert [one["ResourceARN"] for one in found] == [arn]
    time.sleep(0.6)
    assert kinesis.describe_stream_consumer(**named)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
    kinesis.deregister_stream_consumer(**named)
    assert kinesis.describe_stream_consumer(**named)["ConsumerDescription"]["ConsumerStatus"] == "DELETING"
    with refused("ResourceInUseException"):
        kinesis.register_stream_consumer(**named)
    time.sleep(0.6)
    with refused("ResourceNotFoundException"):
        kinesis.describe_stream_consumer(**named)
    with refused("ResourceNotFoundException"):
        kinesis.list_tags_for_resource(ResourceARN=arn)


def test_mappings_read_through_a_consumer(cloud: Cloud) -> None:
    cloud.client("kinesis").create_stream(StreamName="flow", ShardCount=1)
    arn = cloud.client("kinesis").register_stream_consumer(StreamARN=STREAM, ConsumerName="eats")["Consumer"]["ConsumerARN"]
    cloud.function(role=cloud.role(policy={"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kinesis:*", "Resource": STREAM}]}))
    cloud.function("other", role=cloud.role("other", policy=EVERYTHING))
    aws, wanted = cloud.client("lambda"), {"EventSourceArn": arn, "StartingPosition": "LATEST"}
    with refused(INVALID, "SubscribeToShard"):
        aws.create_event_source_mapping(FunctionName="hello", **wanted)
    with refused(INVALID, "consumer not found"):
        aws.create_event_source_mapping(FunctionName="other", **{**wanted, "EventSourceArn": arn + "0"})
    made = aws.create_event_source_mapping(FunctionName="other", **wanted)
    assert made["EventSourceArn"] == arn
    assert aws.get_event_source_mapping(UUID=made["UUID"])["EventSourceArn"] == arn
    for source, count in ((arn, 1), (STREAM, 0)):
        assert len(aws.list_event_source_mappings(EventSourceArn=source)["EventSourceMappings"]) == count
    assert [m["EventSourceArn"] for m in aws.list_event_source_mappings(FunctionName="other")["EventSourceMappings"]] == [arn]
