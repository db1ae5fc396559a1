"""Names that stay taken or come back: deleted queues, log groups written to late."""

from __future__ import annotations

import asyncio
import contextlib
import time

from ..answers import Answer, Refusal
from ..rules.functions import plain_name
from ..world import AskFailed, Request, World, after, before


class _Deleted:
    def __init__(self) -> None:
        self.queues: dict[tuple[str, str], float] = {}
        self.invoked: dict[tuple[str, str], float] = {}  # log group -> when its function last ran
        self.late: set[asyncio.Task[None]] = set()


@after("sqs.DeleteQueue")
async def queue_is_deleted(world: World, request: Request, answer: Answer) -> None:
    if answer.ok:
        name = request.parameters["QueueUrl"].rpartition("/")[2]
        world.of(_Deleted, request).queues[request.scope.region, name] = time.monotonic()


@before("sqs.CreateQueue")
async def name_is_free_again(world: World, request: Request) -> None:
    deleted = world.of(_Deleted, request).queues.get((request.scope.region, request.parameters["QueueName"]))
    if deleted is not None and time.monotonic() - deleted < world.settings["consistency.sqs_name_s"]:
        raise Refusal("QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with "
                      "the same name.", 400)


@after("lambda.Invoke")
async def function_ran(world: World, request: Request, answer: Answer) -> None:
    if answer.ok:
        group = f"/aws/lambda/{plain_name(request.parameters['FunctionName'])}"
        world.of(_Deleted, request).invoked[request.scope.region, group] = time.monotonic()


@after("logs.DeleteLogGroup")
async def late_logs_make_it_again(world: World, request: Request, answer: Answer) -> None:
    """[S] aws/aws-cdk#32689: what a function logs after its group is gone makes the group anew, without retention."""
    name = request.parameters["logGroupName"]
    window = world.settings["consistency.late_logs_s"]
    deleted = world.of(_Deleted, request)
    ran = deleted.invoked.get((request.scope.region, name))
    if not answer.ok or ran is None or time.monotonic() - ran >= window:
        return

    async def write_late() -> None:
        await asyncio.sleep(window / 2)
        if world.of(_Deleted, request) is deleted:  # not after a reset
            with contextlib.suppress(AskFailed):
                await world.ask("logs", "CreateLogGroup", {"logGroupName": name}, request)

    task = asyncio.create_task(write_late())
    deleted.late.add(task)
    task.add_done_callback(deleted.late.discard)
