"""What was just made and is not seen yet: a read, or a write on it, that comes too soon is told that it does not exist.

[S] Terraform retries each of these: NotFound of AddPermission for five minutes (H8 of the reference), NoSuchEntity of
roles for two, NoSuchBucket of notifications.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..answers import Answer, Refusal
from ..rules.functions import plain_name
from ..world import Request, World, after, before


@dataclass(frozen=True)
class Kind:
    made_by: str
    member: str  # what names it, in all these operations
    asked_by: tuple[str, ...]
    code: str
    message: str  # {name}, {arn}
    status: int


KINDS: tuple[Kind, ...] = (
    Kind("lambda.CreateFunction", "FunctionName",
         ("lambda.AddPermission", "lambda.CreateFunctionUrlConfig", "lambda.PutFunctionEventInvokeConfig", "lambda.CreateAlias"),
         "ResourceNotFoundException", "Function not found: {arn}", 404),
    Kind("iam.CreateRole", "RoleName", ("iam.GetRole", "iam.PutRolePolicy", "iam.AttachRolePolicy", "iam.GetRolePolicy"),
         "NoSuchEntity", "The role with name {name} cannot be found.", 404),
    Kind("s3.CreateBucket", "Bucket",
         ("s3.PutBucketNotificationConfiguration", "s3.PutBucketTagging", "s3.PutBucketPolicy", "s3.PutBucketVersioning"),
         "NoSuchBucket", "The specified bucket does not exist", 404),
)


class _Born:
    def __init__(self) -> None:
        self.at: dict[tuple[str, str], float] = {}


def _key(kind: Kind, request: Request) -> tuple[str, str]:
    return kind.made_by, plain_name(str(request.parameters.get(kind.member, "")))


def _register(kind: Kind) -> None:
    @after(kind.made_by)
    async def is_born(world: World, request: Request, answer: Answer) -> None:
        if answer.ok:
            world.of(_Born, request).at[_key(kind, request)] = time.monotonic()

    @before(*kind.asked_by)
    async def is_seen(world: World, request: Request) -> None:
        born = world.of(_Born, request).at.get(_key(kind, request))
        if born is not None and time.monotonic() - born < world.settings["consistency.newborn_ms"] / 1000:
            name = _key(kind, request)[1]
            arn = world.arn("lambda", request.scope, f"function:{name}")
            raise Refusal(kind.code, kind.message.format(name=name, arn=arn), kind.status)


for _kind in KINDS:
    _register(_kind)
