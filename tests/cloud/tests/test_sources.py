"""Mappings of clusters and brokers."""

from __future__ import annotations

from conftest import ACCOUNT, Cloud
from test_rules import INVALID, refused

CLUSTER = f"arn:aws:kafka:us-east-1:{ACCOUNT}:cluster/orders/6a2a1c0e-8d4d-4f5b-9d6e-0c1b2a3d4e5f-1"
BROKER = f"arn:aws:mq:us-east-1:{ACCOUNT}:broker:orders:b-1"


def test_clusters_keep_their_settings(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    wanted = {"FunctionName": "hello", "EventSourceArn": CLUSTER, "Topics": ["orders"], "StartingPosition": "LATEST"}
    with refused(INVALID):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=CLUSTER, StartingPosition="LATEST")
    made = aws.create_event_source_mapping(**wanted, ProvisionedPollerConfig={"MinimumPollers": 2})
    uuid = made["UUID"]
    assert (made["BatchSize"], made["Topics"], made["AmazonManagedKafkaEventSourceConfig"]) == (100, ["orders"], {"ConsumerGroupId": uuid})
    assert "MaximumBatchingWindowInSeconds" not in made
    with refused("ResourceConflictException", uuid):
        aws.create_event_source_mapping(**wanted)
    with refused(INVALID, "ConsumerGroupId"):
        aws.update_event_source_mapping(UUID=uuid, AmazonManagedKafkaEventSourceConfig={"ConsumerGroupId": "ours"})
    live = aws.update_event_source_mapping(UUID=uuid, ProvisionedPollerConfig={}, MaximumBatchingWindowInSeconds=3)
    assert ("ProvisionedPollerConfig" in live, live["MaximumBatchingWindowInSeconds"]) == (False, 3)
    aws.delete_event_source_mapping(UUID=uuid)
    assert aws.list_event_source_mappings(FunctionName="hello")["EventSourceMappings"] == []


def test_brokers_have_queues(cloud: Cloud) -> None:
    cloud.function()
    aws = cloud.client("lambda")
    access = [{"Type": "BASIC_AUTH", "URI": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:a"}]
    made = aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=BROKER, Queues=["jobs"], SourceAccessConfigurations=access)
    assert (made["Queues"], made["SourceAccessConfigurations"]) == (["jobs"], access)
    assert "StartingPosition" not in made
    with refused(INVALID, "Queues"):
        aws.create_event_source_mapping(FunctionName="hello", EventSourceArn=BROKER)
