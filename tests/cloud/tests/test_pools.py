"""Cognito user pools."""

from __future__ import annotations

from conftest import Cloud
from test_rules import refused


def test_what_an_update_leaves_out_goes_back(cloud: Cloud) -> None:
    cognito = cloud.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users", EmailVerificationSubject="Hello", MfaConfiguration="OFF", DeletionProtection="ACTIVE",
                                    UserPoolTags={"a": "1"}, Policies={"PasswordPolicy": {"MinimumLength": 12}})["UserPool"]["Id"]
    cognito.update_user_pool(UserPoolId=pool, UserPoolTags={"b": "2"})
    live = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]
    assert live["Policies"]["PasswordPolicy"]["MinimumLength"] == 8
    assert (live.get("EmailVerificationSubject", ""), live["UserPoolTags"]) == ("", {"b": "2"})
    with refused("InvalidParameterException", "deletion protection"):
        cognito.delete_user_pool(UserPoolId=pool)
    cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
    cognito.delete_user_pool(UserPoolId=pool)
    with refused("ResourceNotFoundException"):
        cognito.describe_user_pool(UserPoolId=pool)
