"""Cognito user pools: what an update leaves out goes back to what a new pool has."""

from __future__ import annotations

from typing import Any

from .answers import Answer, Refusal
from .world import AskFailed, Proceed, Request, World, around, before

# [S] cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool: "If you don't provide a value for an attribute,
# Amazon Cognito sets it to its default value." The values are those of CreateUserPool.
DEFAULTS: dict[str, Any] = {
    "Policies": {"PasswordPolicy": {
        "MinimumLength": 8, "RequireUppercase": True, "RequireLowercase": True, "RequireNumbers": True, "RequireSymbols": True,
        "TemporaryPasswordValidityDays": 7,
    }},
    "AutoVerifiedAttributes": [], "SmsVerificationMessage": "", "EmailVerificationMessage": "", "EmailVerificationSubject": "",
    "SmsAuthenticationMessage": "", "MfaConfiguration": "OFF", "DeviceConfiguration": {}, "EmailConfiguration": {},
    "SmsConfiguration": {}, "UserPoolTags": {}, "UserPoolAddOns": {}, "AccountRecoverySetting": {}, "LambdaConfig": {},
    "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False, "UnusedAccountValidityDays": 7},
    "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"}, "UserAttributeUpdateSettings": {},
}

@around("cognito-idp.UpdateUserPool")
async def replaced_whole(world: World, request: Request, _: Proceed) -> Answer:
    return await world.ask_raw("cognito-idp", "UpdateUserPool", {**DEFAULTS, **request.parameters}, request)


@before("cognito-idp.DeleteUserPool")
async def not_while_protected(world: World, request: Request) -> None:
    try:
        pool = (await world.ask("cognito-idp", "DescribeUserPool", {"UserPoolId": request.parameters["UserPoolId"]}, request))["UserPool"]
    except AskFailed:
        return
    if pool.get("DeletionProtection") == "ACTIVE":
        raise Refusal("InvalidParameterException", "The user pool cannot be deleted because deletion protection is activated. "
                      "Deletion protection must be inactivated first.", 400)
