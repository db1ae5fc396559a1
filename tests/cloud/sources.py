"""Event source mappings as Lambda keeps them: clusters and brokers as sources, and every setting that they have.

[S] lambda/latest/api/API_CreateEventSourceMapping, API_UpdateEventSourceMapping. Runs inside of ministack (emulator.py), which knows
queues and streams only and forgets half of what it is told. Nobody polls a cluster or a broker here.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import lambda_svc

# Members that ministack drops.
_KEPT = (
    "TumblingWindowInSeconds", "StartingPositionTimestamp", "Topics", "Queues", "SourceAccessConfigurations", "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig", "ProvisionedPollerConfig", "KMSKeyArn", "LoggingConfig", "MetricsConfig",
)
# What an update may change, of these.
_CHANGED = (
    "TumblingWindowInSeconds", "SourceAccessConfigurations", "ProvisionedPollerConfig", "KMSKeyArn", "LoggingConfig", "MetricsConfig",
)
_DEFAULT_BATCH = 100  # of everything but queues

_create, _update = lambda_svc._create_esm, lambda_svc._update_esm


class Mapping(dict[str, Any]):
    """One that ministack's lists get along with, also where nothing has an ARN."""

    def __missing__(self, key: str) -> str:
        if key != "EventSourceArn":
            raise KeyError(key)
        return ""


def _service(data: dict[str, Any]) -> str:
    arn: str = data.get("EventSourceArn") or ""
    return arn.split(":")[2] if arn.count(":") >= 5 else ""


def _refused(why: str) -> Any:
    return lambda_svc.error_response_json("InvalidParameterValueException", why, 400)


def _identity(mapping: dict[str, Any]) -> tuple[Any, ...]:
    servers = ((mapping.get("SelfManagedEventSource") or {}).get("Endpoints") or {}).get("KAFKA_BOOTSTRAP_SERVERS") or []
    return (mapping.get("EventSourceArn") or "", tuple(sorted(servers)), tuple(mapping.get("Topics") or ()), tuple(mapping.get("Queues") or ()))


def _of_cluster(data: dict[str, Any]) -> bool:
    return _service(data) in ("kafka", "mq") or bool(data.get("SelfManagedEventSource"))


def _cluster(data: dict[str, Any]) -> Any:
    """A mapping of a cluster or broker."""
    name, qualifier, problem = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
    if problem:
        return problem
    is_broker = _service(data) == "mq"
    if not data.get("Queues" if is_broker else "Topics"):
        return _refused(f"{'Queues' if is_broker else 'Topics'} must be specified.")
    if not is_broker and not data.get("StartingPosition"):
        return _refused("Starting position must be specified.")
    arn = lambda_svc._func_arn(name) + (f":{qualifier}" if qualifier else "")
    for other in lambda_svc._esms.values():
        if _identity(other) == _identity(data) and other["FunctionArn"] == arn:
            return lambda_svc.error_response_json("ResourceConflictException", f"An event source mapping with the same source already exists. "
                                                  f"Please update or delete the existing mapping with UUID {other['UUID']}", 409)
    enabled = data.get("Enabled", True)
    uuid = lambda_svc.new_uuid()
    mapping = Mapping({
        "UUID": uuid, "FunctionArn": arn, "FunctionName": name, "Qualifier": qualifier, "Enabled": enabled,
        "State": "Enabled" if enabled else "Disabled", "StateTransitionReason": "USER_INITIATED",
        "BatchSize": data.get("BatchSize", _DEFAULT_BATCH), "LastModified": int(lambda_svc.time.time()),
        **{key: data[key] for key in ("EventSourceArn", "MaximumBatchingWindowInSeconds", "FilterCriteria", "DestinationConfig", "StartingPosition", "Tags", *_KEPT)
           if data.get(key)},
    })
    if not is_broker:
        key = "AmazonManagedKafkaEventSourceConfig" if data.get("EventSourceArn") else "SelfManagedKafkaEventSourceConfig"
        # Lambda makes up a group where none is given.
        mapping[key] = {"ConsumerGroupId": uuid, **(data.get(key) or {})}
    lambda_svc._esms[uuid] = mapping
    return lambda_svc.json_response(lambda_svc._esm_response(mapping), 202)


def create(data: dict[str, Any]) -> Any:
    if _of_cluster(data):
        return _cluster(data)
    status, headers, body = _create(data)
    if status >= 300:
        return status, headers, body
    mapping = lambda_svc._esms[json.loads(body)["UUID"]]
    mapping.update({key: data[key] for key in _KEPT if data.get(key)})
    if _service(data) != "sqs" and "BatchSize" not in data:
        mapping["BatchSize"] = _DEFAULT_BATCH
    return lambda_svc.json_response(lambda_svc._esm_response(mapping), status)


def update(uuid: str, data: dict[str, Any]) -> Any:
    live = lambda_svc._esms.get(uuid) or {}
    for key in ("AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"):
        # [S] API_AmazonManagedKafkaEventSourceConfig: once a group is there, it cannot be updated
        if key in data and (data[key] or {}).get("ConsumerGroupId") != (live.get(key) or {}).get("ConsumerGroupId"):
            return _refused("ConsumerGroupId cannot be updated.")
    answer = _update(uuid, data)
    if answer[0] >= 300:
        return answer
    mapping = lambda_svc._esms[uuid]
    for key in _CHANGED:
        if key in data:
            mapping[key] = data[key]
    # What is empty is not shown.
    if not (mapping.get("DestinationConfig") or {}).get("OnFailure"):
        mapping.pop("DestinationConfig", None)
    for key in [key for key in (*_CHANGED, "FilterCriteria", "ScalingConfig") if not mapping.get(key)]:
        mapping.pop(key, None)
    return lambda_svc.json_response(lambda_svc._esm_response(mapping), answer[0])


lambda_svc._create_esm = create
lambda_svc._update_esm = update
