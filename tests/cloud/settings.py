"""Every setting of the practice cloud: its value in each weather, and where the value comes from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WEATHERS = ("calm", "aws", "storm")

# "reference" is docs/practice-cloud.md's list of sources; what AWS does not
# publish and nobody measured says "assumed".
ASSUMED = "assumed"


@dataclass(frozen=True)
class Setting:
    name: str
    calm: Any
    aws: Any
    storm: Any
    what: str
    source: str


SETTINGS: tuple[Setting, ...] = (
    Setting("constraints.model", True, True, True, "check requests against botocore's service models", "AWS's own models"),
    Setting("constraints.rules", True, True, True, "check the rules that the models lack", "AWS documentation, see rules/"),
    Setting("constraints.invocations", True, True, True, "APIs and function URLs need permission to invoke", "lambda/latest/dg/urls-auth; API Gateway"),
    Setting("urls.rewrite", True, True, True, "function URLs and API endpoints lead through the front", "ours"),
    Setting("latency.enabled", False, True, True, "calls take time", "ours"),
    Setting("latency.scale", 1.0, 1.0, 0.1, "factor on every latency", "ours"),
    Setting("latency.jitter", 0.2, 0.2, 0.5, "each latency varies by this share, up and down", ASSUMED),
    Setting("latency.reads_ms", 60, 60, 60, "a read that the table does not name", ASSUMED),
    Setting("latency.writes_ms", 200, 200, 200, "a write that the table does not name", ASSUMED),
    Setting("latency.table", {}, {}, {}, "milliseconds by service.operation, over latency.py", "see latency.py"),
    Setting("cloudformation.enabled", False, True, True, "stacks take the time that CloudFormation takes", "ours"),
    Setting("cloudformation.scale", 1.0, 1.0, 0.02, "factor on that time", "ours"),
    Setting("codedeploy.scale", 0.01, 1.0, 0.01, "factor on the time of CodeDeploy's configurations and of its hooks", "ours"),
    Setting("quotas.enabled", False, True, True, "calls above a quota are throttled", "ours"),
    Setting("quotas.measure", True, True, True, "count overdrafts even where nothing is throttled", "ours"),
    Setting("quotas.buckets", {}, {}, {}, 'changes to buckets: {"lambda.rest": {"rate": 15, "burst": 15}}', "see quotas.py"),
    Setting("consistency.role_assumable_s", 0, 8, 1, "a new role or trust policy is not assumable for so long",
            "7-12 s seen by cdkd, #2018/#2026"),
    Setting("consistency.role_policy_s", 0, 5, 0.7, "a new role policy has no effect for so long", ASSUMED),
    Setting("consistency.function_pending_ms", 0, 1500, 300, "a new function stays Pending", ASSUMED),
    Setting("consistency.function_updating_ms", 0, 1000, 200, "an update stays InProgress", "aws/aws-cdk#18536: ~1 s, zip without VPC"),
    Setting("consistency.function_vpc_pending_ms", 0, 60_000, 1000, "a new function in a VPC stays Pending",
            "assumed; cdkd gives 5-10 min as the worst"),
    Setting("consistency.function_vpc_updating_ms", 0, 25_000, 500, "an update in a VPC or of an image stays InProgress",
            "aws/aws-cdk#18536: ~25 s"),
    Setting("consistency.tagging_s", 0, 30, 3, "the tagging API lags behind so long", "assumed; the lag itself: aws/aws-sdk#676"),
    Setting("consistency.lose_parallel_permissions", False, True, True,
            "of AddPermission calls in parallel to one function all but one are lost", "Terraform's aws_lambda_permission"),
    Setting("consistency.permission_window_ms", 100, 100, 100, "AddPermission takes at least so long where they can be lost", ASSUMED),
    Setting("consistency.conflicts", False, True, True, "one writer at a time per API and per bucket, the others get a conflict",
            "Terraform apigatewayv2, cdkd #1607; S3 OperationAborted"),
    Setting("consistency.conflict_window_ms", 100, 100, 50, "such a write takes at least so long", ASSUMED),
    Setting("consistency.mapping_ms", 0, 2000, 300, "an event source mapping is Creating, Updating, Deleting so long", ASSUMED),
    Setting("consistency.consumer_ms", 0, 5000, 300, "a consumer of a stream is CREATING and DELETING so long", ASSUMED),
    Setting("consistency.distribution_ms", 0, 240_000, 300, "a change of a distribution is InProgress so long", ASSUMED),
    Setting("consistency.replicas_s", 0, 3600, 2, "a function that was at the edge cannot be deleted for so long",
            "assumed; the refusal itself: AmazonCloudFront/latest/DeveloperGuide, lambda-edge-delete-replicas"),
    Setting("consistency.provisioned_ms", 0, 30_000, 1000, "provisioned concurrency is IN_PROGRESS so long", ASSUMED),
    Setting("consistency.provisioned_fails", False, False, False, "provisioned concurrency ends as FAILED, with FUNCTION_ERROR_INIT_FAILURE", "ours"),
    Setting("consistency.version_pending_ms", 0, 0, 300, "a new version stays Pending, and serves nothing", ASSUMED),
    Setting("consistency.permission_s", 0, 2, 0.5, "S3 and CloudWatch Logs see a function's new permission only so much later",
            "assumed; the lag itself: hashicorp/terraform-provider-aws#19088, Zappa PR#1441"),
    Setting("consistency.newborn_ms", 0, 0, 300, "new functions, roles and buckets are not found by what comes next",
            "assumed; the lag itself: Terraform's retries"),
    Setting("consistency.sqs_name_s", 0, 60, 2, "a deleted queue's name is taken for so long", "SQS API, CreateQueue"),
    Setting("consistency.late_logs_s", 0, 3, 1, "a log group deleted so soon after an invocation comes back", ASSUMED),
    Setting("faults.seed", 1, 1, 1, "of everything that is random", "ours"),
    Setting("faults.rate", 0.0, 0.0, 0.05, "share of the calls that meet a fault", ASSUMED),
    Setting("faults.kinds", ["cut-before", "cut-after", "status-500", "status-502", "status-503", "slow"],
            ["cut-before", "cut-after", "status-500", "status-502", "status-503", "slow"],
            ["cut-before", "cut-after", "status-500", "status-502", "status-503", "slow"], "what faults.rate draws from", ASSUMED),
    Setting("faults.services", [], [], [], "only these services meet drawn faults (empty: all)", "ours"),
    Setting("faults.slow_ms", 2000, 2000, 1000, "how long a slow answer takes", ASSUMED),
    Setting("faults.huge_bytes", 64 << 20, 64 << 20, 64 << 20, "size of a huge answer", ASSUMED),
    Setting("faults.schedule", [], [], [], "faults by plan, see faults.py", "ours"),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


class UnknownSetting(ValueError):
    """A name that no setting has, or a value that it cannot take."""


class Settings:
    """The values in force. `settings["latency.scale"]` reads one."""

    def __init__(self, weather: str) -> None:
        self.weather = weather
        self._values: dict[str, Any] = {}
        self.take_weather(weather)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def take_weather(self, weather: str) -> None:
        if weather not in WEATHERS:
            raise UnknownSetting(f"there is no weather {weather!r}: one of {', '.join(WEATHERS)}")
        self.weather = weather
        self._values = {setting.name: copy.deepcopy(getattr(setting, weather)) for setting in SETTINGS}

    def change(self, changes: Mapping[str, Any]) -> None:
        """Takes `{"weather": "aws", "latency.scale": 0.5}`, also nested: `{"latency": {"scale": 0.5}}`.

        Raises UnknownSetting before anything is changed.
        """
        flat = _flattened(changes)
        weather = flat.pop("weather", None)
        for name, value in flat.items():
            default = _BY_NAME[name].calm if name in _BY_NAME else None
            if default is None:
                raise UnknownSetting(f"there is no setting {name!r}")
            if not _same_sort(default, value):
                raise UnknownSetting(f"{name} takes a {type(default).__name__}, not {value!r}")
        if weather is not None:
            self.take_weather(weather)
        self._values.update(flat)

    def shown(self) -> dict[str, Any]:
        return {"weather": self.weather, **self._values}


def _same_sort(default: Any, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _flattened(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in changes.items():
        full = prefix + name
        if isinstance(value, Mapping) and full not in _BY_NAME:
            flat.update(_flattened(value, full + "."))
        else:
            flat[full] = value
    return flat


def settings_table() -> str:
    """The Markdown table of docs/practice-cloud.md."""
    def cell(value: Any) -> str:
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, list | dict):
            return "see text" if value else "–"
        return f"{value:,}" if isinstance(value, int) else str(value)

    rows = ["| setting | calm | aws | storm | what | source |", "|---|---|---|---|---|---|"]
    rows += [
        f"| `{s.name}` | {cell(s.calm)} | {cell(s.aws)} | {cell(s.storm)} | {s.what} | {s.source} |" for s in SETTINGS
    ]
    return "\n".join(rows)
