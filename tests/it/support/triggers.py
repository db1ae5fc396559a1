# Everything in an account that calls functions, and what lets it: nothing random, so that two accounts can be compared.

RANDOM = {
    "LastModified", "UUID", "EventSourceMappingArn", "StateTransitionReason", "LastProcessingResult", "SubscriptionArn", "creationTime", "CreationDate",
    "LastModificationDate", "createdAt", "CreatedBy", "ResponseMetadata", "RuleArn", "TargetGroupArn", "ruleArn", "Id", "ConsumerGroupId",
}


# AWS draws the ids of pools, listeners' rules and consumers; the names of target groups depend on the listener.
DRAWN = r"(userpool/)[\w-]+|(targetgroup/)\w+/\w+|(Consumer:)\d+|(listener-rule/app/front/)[\w/]+|(hoist-[\w-]+-)[0-9a-f]{8}$"


def steady(x):
    # Before the lists are sorted.
    if isinstance(x, str):
        return re.sub(DRAWN, lambda m: next(filter(None, m.groups())), x)
    if isinstance(x, dict):
        return {k: steady(v) for k, v in sorted(x.items()) if k not in RANDOM and not k.startswith("hoist:")}
    if isinstance(x, (list, tuple)):
        return sorted((steady(v) for v in x), key=lambda v: json.dumps(v, default=plain, sort_keys=True))
    return x


def parsed(text):
    return json.loads(text) if text else None


def triggers(client):
    l, sns, events, s3, logs = client("lambda"), client("sns"), client("events"), client("s3"), client("logs")
    iam, iot, pools, elb, scheduler, kinesis, sqs = (client(s) for s in ("iam", "iot", "cognito-idp", "elbv2", "scheduler", "kinesis", "sqs"))
    found = {"policies": {}, "mappings": l.list_event_source_mappings()["EventSourceMappings"]}
    for f in l.list_functions()["Functions"]:
        policy = state_of(lambda: l.get_policy(FunctionName=f["FunctionName"])["Policy"])
        found["policies"][f["FunctionName"]] = parsed(policy)["Statement"] if policy else []
    found["topics"] = {
        t["TopicArn"]: [{"is": s, "with": sns.get_subscription_attributes(SubscriptionArn=s["SubscriptionArn"])["Attributes"]}
                        for s in sns.list_subscriptions_by_topic(TopicArn=t["TopicArn"])["Subscriptions"]]
        for t in sns.list_topics()["Topics"]
    }
    found["queues"] = {
        u.rsplit("/", 1)[1]: parsed(sqs.get_queue_attributes(QueueUrl=u, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy"))
        for u in sqs.list_queues().get("QueueUrls", [])
    }
    found["buses"] = {}
    for bus in events.list_event_buses()["EventBuses"]:
        rules = events.list_rules(EventBusName=bus["Name"])["Rules"]
        found["buses"][bus["Name"]] = [
            {"is": r, "targets": events.list_targets_by_rule(Rule=r["Name"], EventBusName=bus["Name"])["Targets"]} for r in rules
        ]
    found["schedules"] = [scheduler.get_schedule(Name=s["Name"], GroupName=s["GroupName"]) for s in scheduler.list_schedules()["Schedules"]]
    found["buckets"] = {
        b["Name"]: {k: v for k, v in s3.get_bucket_notification_configuration(Bucket=b["Name"]).items() if k != "ResponseMetadata"}
        for b in s3.list_buckets()["Buckets"] if not b["Name"].startswith("hoist-")
    }
    found["filters"] = {
        g["logGroupName"]: logs.describe_subscription_filters(logGroupName=g["logGroupName"])["subscriptionFilters"]
        for g in logs.describe_log_groups()["logGroups"]
    }
    found["devices"] = [iot.get_topic_rule(ruleName=r["ruleName"])["rule"] for r in iot.list_topic_rules()["rules"]]
    found["fleets"] = [t["templateName"] for t in iot.list_provisioning_templates()["templates"]]
    found["pools"] = {}
    for p in pools.list_user_pools(MaxResults=60)["UserPools"]:
        found["pools"][p["Name"]] = pools.describe_user_pool(UserPoolId=p["Id"])["UserPool"].get("LambdaConfig") or {}
    found["balancers"] = [
        {"port": x["Port"], "rules": elb.describe_rules(ListenerArn=x["ListenerArn"])["Rules"]}
        for b in elb.describe_load_balancers()["LoadBalancers"] for x in elb.describe_listeners(LoadBalancerArn=b["LoadBalancerArn"])["Listeners"]
    ]
    found["groups"] = len(elb.describe_target_groups()["TargetGroups"])
    found["consumers"] = {
        s: [c["ConsumerName"] for c in kinesis.list_stream_consumers(StreamARN=kinesis.describe_stream_summary(StreamName=s)["StreamDescriptionSummary"]["StreamARN"])["Consumers"]]
        for s in kinesis.list_streams()["StreamNames"]
    }
    found["roles"] = {
        r["RoleName"]: {p: iam.get_role_policy(RoleName=r["RoleName"], PolicyName=p)["PolicyDocument"] for p in iam.list_role_policies(RoleName=r["RoleName"])["PolicyNames"]}
        for r in iam.list_roles()["Roles"]
    }
    return steady(found)


def state_of(call):
    try:
        return call()
    except botocore.exceptions.ClientError as e:
        if e.response["Error"]["Code"] in ("ResourceNotFoundException", "404"):
            return None
        raise
