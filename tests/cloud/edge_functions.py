"""CloudFront Functions are tried before they are published: TestFunction, which the emulator lacks, runs them in Node."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from xml.sax.saxutils import escape

from .answers import Answer, Refusal
from .world import AskFailed, Proceed, Request, World, after, around

NAMESPACE = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
# [S] AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-features: no files, no network, no modules
_RUN = """
const vm = require('vm');
let text = '';
process.stdin.on('data', part => text += part).on('end', () => {
  const {code, event} = JSON.parse(text), logs = [];
  const out = {logs};
  try {
    const sandbox = vm.createContext({console: {log: (...all) => logs.push(all.join(' '))}, event});
    vm.runInContext(code, sandbox, {timeout: 1000});
    out.output = JSON.stringify(vm.runInContext('handler(event)', sandbox, {timeout: 1000}));
  } catch (error) { out.error = String(error); }
  console.log(JSON.stringify(out));
});
"""


async def run(code: str, event: object) -> dict[str, object]:
    node = shutil.which("node")
    if node is None:
        raise Refusal("UnsupportedOperation", "practice cloud: TestFunction needs Node, which is not there", 400)
    process = await asyncio.create_subprocess_exec(node, "-e", _RUN, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate(json.dumps({"code": code, "event": event}).encode())
    return dict(json.loads(out))


@after("cloudfront.UpdateFunction")
async def spelt_otherwise(_: World, __: Request, answer: Answer) -> Answer | None:
    """[S] the model: the new tag is in a header called ETtag."""
    if answer.ok and "ETag" in answer.headers:
        answer.headers["ETtag"] = answer.headers.pop("ETag")
    return answer


@around("cloudfront.TestFunction")
async def tried(world: World, request: Request, _: Proceed) -> Answer:
    wanted = request.parameters
    named = {"Name": wanted["Name"], "Stage": wanted.get("Stage") or "DEVELOPMENT"}
    try:
        described = await world.ask("cloudfront", "DescribeFunction", named, request)
        source = await world.ask_raw("cloudfront", "GetFunction", named, request)
    except AskFailed as problem:
        raise Refusal("NoSuchFunctionExists", "The specified function does not exist.", 404) from problem
    if wanted.get("IfMatch") != described["ETag"]:
        raise Refusal("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.", 400)
    event = wanted["EventObject"]
    try:
        parsed = json.loads(event if isinstance(event, bytes) else base64.b64decode(event))
    except ValueError as problem:
        raise Refusal("InvalidArgument", "The event object is not valid JSON.", 400) from problem
    result = await run(source.body.decode(), parsed)
    error, logs = result.get("error"), [str(line) for line in result.get("logs") or ()]  # type: ignore[attr-defined]
    body = (
        f'<?xml version="1.0"?><TestResult xmlns="{NAMESPACE}"><FunctionSummary><Name>{escape(wanted["Name"])}</Name></FunctionSummary>'
        "<ComputeUtilization>10</ComputeUtilization><FunctionExecutionLogs>"
        + "".join(f"<member>{escape(line)}</member>" for line in logs)
        + f"</FunctionExecutionLogs><FunctionErrorMessage>{escape(str(error or ''))}</FunctionErrorMessage>"
        f"<FunctionOutput>{escape(str(result.get('output') or ''))}</FunctionOutput></TestResult>"
    )
    return Answer(200, {"Content-Type": "text/xml"}, body.encode())
