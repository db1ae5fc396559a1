"""Lambda functions: what CreateFunction and its kin refuse beyond their models."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from ..answers import Answer, Refusal, json_answer
from ..operations import service_model
from ..parameters import Parameters
from ..world import AskFailed, Proceed, Request, World, after, around, before, body_of, with_body
from .roles import assumable, may

INVALID = "InvalidParameterValueException"

# [S] lambda/latest/dg/gettingstarted-limits
MEMORY = (128, 10_240)
TIMEOUT = 900
ENVIRONMENT = 4096
LAYERS = 5
ZIP_DIRECT = 50 << 20
UNZIPPED = 262_144_000
ACCOUNT_CONCURRENCY = 1000
UNRESERVED_MINIMUM = 100

# [S] lambda/latest/dg/configuration-envvars, "Defined runtime environment variables", those marked reserved
RESERVED = frozenset({
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
})

# Runtimes that the model still lists and Lambda creates no more.
# [S] lambda/latest/dg/lambda-runtimes, "Deprecated runtimes" (those past "block function create")
BLOCKED = frozenset({
    "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
    "python2.7", "python3.6", "python3.7", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "dotnet5.0",
    "dotnet7", "ruby2.5", "ruby2.7", "java8", "go1.x", "provided",
})


def _memory(value: Any, _: Parameters) -> None:
    if value > MEMORY[1]:
        raise Refusal(INVALID, f"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {MEMORY[1]}")


def _timeout(value: Any, _: Parameters) -> None:
    if value > TIMEOUT:
        raise Refusal("ValidationException", f"1 validation error detected: Value '{value}' at 'timeout' failed to satisfy "
                      f"constraint: Member must have value less than or equal to {TIMEOUT}")


def _runtime(value: Any, _: Parameters) -> None:
    model = service_model("lambda")
    assert model is not None
    known = model.shape_for("Runtime").enum
    if value not in known:
        raise Refusal(INVALID, f"Value {value} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
                      f"[{', '.join(r for r in known if r not in BLOCKED)}] or be a valid ARN")
    if value in BLOCKED:
        raise Refusal(INVALID, f"The runtime parameter of {value} is no longer supported for creating or updating AWS Lambda "
                      "functions. We recommend you use a supported runtime while creating or updating functions.")


def _environment(value: Any, _: Parameters) -> None:
    variables: dict[str, str] = value.get("Variables") or {}
    start = "Lambda was unable to configure your environment variables because the environment variables you have provided "
    reserved = sorted(RESERVED & variables.keys())
    if reserved:
        raise Refusal(INVALID, f"{start}contains reserved keys that are currently not supported for modification. "
                      f"Reserved keys used in this request: {', '.join(reserved)}")
    # What is measured is the JSON text of the map. Lambda does echo it,
    # secrets and all: whoever shows AWS's messages must redact them.
    text = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > ENVIRONMENT:
        raise Refusal(INVALID, f"{start}exceeded the 4KB limit. String measured: {text}")


def _layers(value: Any, _: Parameters) -> None:
    if len(value) > LAYERS:
        raise Refusal(INVALID, f"Layers: The number of layers exceeds the maximum. Cannot reference more than {LAYERS} layers.")
    names = [arn.rpartition(":")[0] for arn in value]
    if len(set(names)) < len(names):
        raise Refusal(INVALID, "Two different versions of the same layer are not allowed to be referenced in the same function.")


# member -> what it must satisfy beyond the model
MEMBER_RULES: dict[str, Callable[[Any, Parameters], None]] = {
    "MemorySize": _memory,
    "Timeout": _timeout,
    "Runtime": _runtime,
    "Environment": _environment,
    "Layers": _layers,
}


def plain_name(name: str) -> str:
    """A function's name from a name, partial ARN or ARN, without its qualifier."""
    parts = name.split(":")
    if "function" in parts:
        return parts[parts.index("function") + 1]
    return parts[0]


@before("lambda.CreateFunction", "lambda.UpdateFunctionConfiguration")
async def configuration_is_right(world: World, request: Request) -> None:
    wanted = request.parameters
    if world.settings["constraints.rules"]:
        for member, rule in MEMBER_RULES.items():
            if wanted.get(member) is not None:
                rule(wanted[member], wanted)
        creating = request.operation.name == "CreateFunction"
        if creating and wanted.get("PackageType", "Zip") == "Zip" and not (wanted.get("Runtime") and wanted.get("Handler")):
            raise Refusal(INVALID, "Runtime and Handler are mandatory parameters for functions created with deployment packages.")
        for layer in wanted.get("Layers") or ():
            await _layer_exists(world, request, layer)
        if not creating:
            await _exists(world, request, wanted["FunctionName"])
    role = wanted.get("Role")
    if role and not await assumable(world, request, role, "lambda.amazonaws.com"):
        raise Refusal(INVALID, "The role defined for the function cannot be assumed by Lambda.")
    await _role_suffices(world, request, role)


async def _exists(world: World, request: Request, name: str) -> None:
    try:
        await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": name}, request)
    except AskFailed as problem:
        raise Refusal("ResourceNotFoundException", problem.message, 404) from problem


async def _layer_exists(world: World, request: Request, arn: str) -> None:
    # Other accounts' layers are beyond this world.
    if f":{world.account(request)}:" in arn:
        try:
            await world.ask("lambda", "GetLayerVersionByArn", {"Arn": arn}, request)
        except AskFailed as problem:
            raise Refusal(INVALID, f"Layer version {arn} does not exist.") from problem


async def _role_suffices(world: World, request: Request, role: str | None) -> None:
    wanted = request.parameters
    in_vpc = bool((wanted.get("VpcConfig") or {}).get("SubnetIds"))
    dead_letters = (wanted.get("DeadLetterConfig") or {}).get("TargetArn")
    if not in_vpc and not dead_letters:
        return
    if role is None:
        try:
            role = (await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": wanted["FunctionName"]}, request))["Role"]
        except AskFailed:
            return
    needed: list[tuple[str, str, str]] = []
    if in_vpc:
        needed.append(("ec2:CreateNetworkInterface", "*", "CreateNetworkInterface on EC2"))
    if dead_letters and ":sqs:" in dead_letters:
        needed.append(("sqs:SendMessage", dead_letters, "SendMessage on SQS"))
    if dead_letters and ":sns:" in dead_letters:
        needed.append(("sns:Publish", dead_letters, "Publish on SNS"))
    for action, resource, said in needed:
        if not await may(world, request, role, [action], resource):
            raise Refusal(INVALID, f"The provided execution role does not have permissions to call {said}")


@before("lambda.CreateFunction", "lambda.UpdateFunctionCode")
async def code_is_there(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    code = request.parameters.get("Code", request.parameters)
    if code.get("S3Bucket"):
        await _object_exists(world, request, code)
        return
    if not code.get("ZipFile"):
        if not code.get("ImageUri"):
            raise Refusal(INVALID, "Please provide a source for function code.")
        return
    _package_is_right(code["ZipFile"], request.operation.name)


async def _object_exists(world: World, request: Request, code: Parameters) -> None:
    wanted = {"Bucket": code["S3Bucket"], "Key": code.get("S3Key", "")}
    if code.get("S3ObjectVersion"):
        wanted["VersionId"] = code["S3ObjectVersion"]
    start = "Error occurred while GetObject. S3 Error Code:"
    try:
        await world.ask("s3", "HeadBucket", {"Bucket": wanted["Bucket"]}, request)
    except AskFailed as problem:
        raise Refusal(INVALID, f"{start} NoSuchBucket. S3 Error Message: The specified bucket does not exist") from problem
    try:
        await world.ask("s3", "HeadObject", wanted, request)
    except AskFailed as problem:
        raise Refusal(INVALID, f"{start} NoSuchKey. S3 Error Message: The specified key does not exist.") from problem


def _package_is_right(encoded: str, operation: str) -> None:
    try:
        data = base64.b64decode(encoded)
        if len(data) > ZIP_DIRECT:
            raise Refusal("RequestEntityTooLargeException", f"Request must be smaller than 70167211 bytes for the {operation} operation", 413)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (binascii.Error, zipfile.BadZipFile, TypeError) as problem:
        raise Refusal(INVALID, "Could not unzip uploaded file. Please check your file, then try to upload again.") from problem
    if not entries:
        raise Refusal(INVALID, "Uploaded file must be a non-empty zip")
    if sum(entry.file_size for entry in entries) > UNZIPPED:
        raise Refusal(INVALID, f"Unzipped size must be smaller than {UNZIPPED} bytes")


@around("lambda.UpdateFunctionCode")
async def dry_run_replaces_nothing(world: World, request: Request, proceed: Proceed) -> Answer:
    if not request.parameters.get("DryRun"):
        return await proceed()
    try:
        live = await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": request.parameters["FunctionName"]}, request)
    except AskFailed as problem:
        raise Refusal("ResourceNotFoundException", problem.message, 404) from problem
    live.pop("Error", None)
    if request.parameters.get("ZipFile"):
        data = base64.b64decode(request.parameters["ZipFile"])
        live["CodeSha256"] = base64.b64encode(hashlib.sha256(data).digest()).decode()
        live["CodeSize"] = len(data)
    request.call.by_front = True
    return json_answer(live)


@before("lambda.PutFunctionConcurrency")
async def enough_stays_unreserved(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    name = plain_name(request.parameters["FunctionName"])
    reserved = request.parameters["ReservedConcurrentExecutions"]
    marker: dict[str, str] = {}
    while True:
        page = await world.ask("lambda", "ListFunctions", {"MaxItems": 50, **marker}, request)
        for function in page.get("Functions", []):
            if function["FunctionName"] != name:
                one = {"FunctionName": function["FunctionName"]}
                # It may have been deleted since it was listed.
                with contextlib.suppress(AskFailed):
                    got = await world.ask("lambda", "GetFunctionConcurrency", one, request)
                    reserved += got.get("ReservedConcurrentExecutions") or 0
        if not page.get("NextMarker"):
            break
        marker = {"Marker": page["NextMarker"]}
    if ACCOUNT_CONCURRENCY - reserved < UNRESERVED_MINIMUM:
        raise Refusal(INVALID, "Specified ReservedConcurrentExecutions for function decreases account's "
                      f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}].")


@before("lambda.CreateAlias", "lambda.UpdateAlias")
async def version_exists(world: World, request: Request) -> None:
    if not world.settings["constraints.rules"]:
        return
    wanted = request.parameters
    versions = [wanted.get("FunctionVersion"), *((wanted.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})]
    for version in versions:
        if version is None or version == "$LATEST":
            continue
        try:
            await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": wanted["FunctionName"], "Qualifier": version}, request)
        except AskFailed as problem:
            arn = world.arn("lambda", request.scope, f"function:{plain_name(wanted['FunctionName'])}:{version}")
            raise Refusal("ResourceNotFoundException", f"Function not found: {arn}", 404) from problem


# What Lambda calls of the services that results can go to.
_DELIVERIES = {"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents"}


@before("lambda.PutFunctionEventInvokeConfig", "lambda.UpdateFunctionEventInvokeConfig")
async def results_can_be_delivered(world: World, request: Request) -> None:
    """The function's role reaches each destination; an alias is another resource than its function."""
    if not world.settings["constraints.rules"]:
        return
    wanted = request.parameters
    for destination in (wanted.get("DestinationConfig") or {}).values():
        arn = destination.get("Destination") or ""
        service = arn.split(":")[2] if arn.count(":") > 4 else ""
        if service not in _DELIVERIES:
            continue
        try:
            function = await world.ask("lambda", "GetFunctionConfiguration", {"FunctionName": wanted["FunctionName"]}, request)
        except AskFailed:
            return
        if service == "lambda":
            named: Parameters = {"FunctionName": plain_name(arn)}
            if arn.count(":") == 7:
                named["Qualifier"] = arn.rpartition(":")[2]
            try:
                await world.ask("lambda", "GetFunctionConfiguration", named, request)
            except AskFailed as problem:
                raise Refusal(INVALID, f"The destination ARN {arn} is invalid.") from problem
        action = _DELIVERIES[service]
        if not await may(world, request, function["Role"], [action], arn):
            raise Refusal(INVALID, f"The function's execution role does not have permissions to call {action.partition(':')[2]} on {arn}")


@before("lambda.UpdateFunctionEventInvokeConfig")
async def invoke_config_updates_by_merging(world: World, request: Request) -> Answer:
    """The emulator has no such operation: made of a read and a put, which is what it does on AWS."""
    wanted = dict(request.parameters)
    named: Parameters = {key: wanted[key] for key in ("FunctionName", "Qualifier") if key in wanted}
    try:
        live = await world.ask("lambda", "GetFunctionEventInvokeConfig", named, request)
    except AskFailed as problem:
        raise Refusal("ResourceNotFoundException", problem.message, 404) from problem
    merged = {
        key: value for key, value in {**live, **wanted}.items()
        if key in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig", "FunctionName", "Qualifier")
    }
    got = await world.ask("lambda", "PutFunctionEventInvokeConfig", merged, request)
    got["LastModified"] = got["LastModified"].timestamp()
    return json_answer(got)


def _configurations(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The function configurations in an answer, wherever they are."""
    if "Configuration" in content:
        return [content["Configuration"]]
    for key in ("Functions", "Versions"):
        if key in content:
            return list(content[key])
    return [content]


@after("lambda.CreateFunction", "lambda.GetFunction", "lambda.GetFunctionConfiguration", "lambda.UpdateFunctionCode",
       "lambda.UpdateFunctionConfiguration", "lambda.PublishVersion", "lambda.ListFunctions", "lambda.ListVersionsByFunction")
async def empty_settings_are_absent(_: World, __: Request, answer: Answer) -> Answer | None:
    """Lambda leaves out what was cleared; the emulator shows it as empty."""
    if not answer.ok:
        return None
    content = body_of(answer)
    for configuration in _configurations(content):
        if not (configuration.get("Environment") or {}).get("Variables"):
            configuration.pop("Environment", None)
        if not (configuration.get("DeadLetterConfig") or {}).get("TargetArn"):
            configuration.pop("DeadLetterConfig", None)
        for member in ("KMSKeyArn", "FileSystemConfigs", "Layers"):
            if not configuration.get(member):
                configuration.pop(member, None)
    return with_body(answer, content)
