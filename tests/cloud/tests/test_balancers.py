"""Load balancers with functions behind them."""

from __future__ import annotations

from conftest import Cloud
from test_rules import refused


def test_functions_behind_a_load_balancer(cloud: Cloud) -> None:
    elb, aws = cloud.client("elbv2"), cloud.client("lambda")
    balancer = elb.create_load_balancer(Name="lb", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]["LoadBalancerArn"]
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[answer])["Listeners"][0]["ListenerArn"]
    with refused("TargetGroupNotFound"):
        elb.describe_target_groups(Names=["group"])
    tags = [{"Key": "a", "Value": "1"}]
    group = elb.create_target_group(Name="group", TargetType="lambda", Tags=tags)["TargetGroups"][0]["TargetGroupArn"]
    function = cloud.function()["FunctionArn"]
    with refused("AccessDenied", "does not have permission to invoke"):
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": function}])
    aws.add_permission(FunctionName="hello", StatementId="s", Action="lambda:InvokeFunction", Principal="elasticloadbalancing.amazonaws.com")
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": function}])
    wanted = {"ListenerArn": listener, "Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/x"]}],
              "Actions": [{"Type": "forward", "TargetGroupArn": group}], "Tags": tags}
    rule = elb.create_rule(**wanted)["Rules"][0]["RuleArn"]
    with refused("PriorityInUse"):
        elb.create_rule(**wanted)
    signs_in = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {
        "UserPoolArn": "p", "UserPoolClientId": "c", "UserPoolDomain": "d", "AuthenticationRequestExtraParams": {"display": "page"}}}
    queries = [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "q", "Value": "1"}]}}]
    elb.modify_rule(RuleArn=rule, Conditions=queries, Actions=[signs_in, {"Type": "forward", "TargetGroupArn": group, "Order": 2}])
    live = elb.describe_rules(RuleArns=[rule])["Rules"][0]
    assert live["Conditions"] == queries
    assert live["Actions"][0]["AuthenticateCognitoConfig"]["AuthenticationRequestExtraParams"] == {"display": "page"}
    found = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "a"}])["ResourceTagMappingList"]
    assert {one["ResourceARN"] for one in found} == {group, rule}
    with refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=group)
    elb.delete_rule(RuleArn=rule)
    elb.delete_target_group(TargetGroupArn=group)
