# What is live in an account, in a form in which two accounts can be compared: nothing random, nothing of the clock.

VOLATILE = {
    "LastModified", "RevisionId", "CodeSize", "CreationTime", "creationTime", "RoleId", "CreateDate", "RoleLastUsed", "LastModifiedTime", "FunctionUrl", "StateReason",
    "StateReasonCode", "LastUpdateStatus", "LastUpdateStatusReason", "UUID", "EventSourceMappingArn", "StateTransitionReason", "LastProcessingResult", "ResponseMetadata", "storedBytes", "RuntimeVersionConfig",
    "applicationId", "createTime", "deploymentGroupId",
    "CreationDate", "CreatedBy", "LastModificationDate", "Location", "RepositoryType", "SubscriptionArn",
}


def tidy(x):
    if isinstance(x, dict):
        return {k: tidy(v) for k, v in sorted(x.items()) if k not in VOLATILE}
    if isinstance(x, (list, tuple)):
        return sorted((tidy(v) for v in x), key=lambda v: json.dumps(v, default=plain, sort_keys=True))
    return x


def found(call, *names, **parameters):
    try:
        r = call(**parameters)
    except botocore.exceptions.ClientError as e:
        if e.response["Error"]["Code"] in ("ResourceNotFoundException", "NoSuchEntity", "NotFound", "NotFoundException", "ProvisionedConcurrencyConfigNotFoundException"):
            return None
        raise
    for name in names:
        r = r.get(name) if r is not None else None
    return r


def scalable_targets(scaling):
    try:
        return scaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"]
    except botocore.exceptions.ClientError as e:
        # Asked straight, the emulator has no such service: it is the front's.
        if e.response["Error"]["Code"] == "400":
            return []
        raise


def deployed_by_code_deploy(client):
    deploys, found = client("codedeploy"), {}
    try:
        names = deploys.list_applications()["applications"]
    except botocore.exceptions.ClientError as e:
        # Asked straight, the emulator has no such service: it is the front's.
        if e.response["Error"]["Code"] == "400":
            return {}
        raise
    start = f"arn:aws:codedeploy:us-east-1:{client('sts').get_caller_identity()['Account']}"
    def tags(rest):
        return deploys.list_tags_for_resource(ResourceArn=f"{start}:{rest}")["Tags"]
    for name in names:
        groups = deploys.list_deployment_groups(applicationName=name)["deploymentGroups"]
        told = deploys.batch_get_deployment_groups(applicationName=name, deploymentGroupNames=groups)["deploymentGroupsInfo"] if groups else []
        found[name] = {"tags": tags(f"application:{name}"), "groups": [{"is": g, "tags": tags(f"deploymentgroup:{name}/{g['deploymentGroupName']}")} for g in told]}
    return found


# Of APIs, what AWS draws or counts beside the ids, and the digests that hoist notes down: the account's number goes into them.
OF_APIS = {
    "CreatedDate", "createdDate", "LastUpdatedDate", "lastUpdatedDate", "DeploymentId", "deploymentId", "rootResourceId", "parentId", "id", "value",
    "hoist:body", "hoist:export", "hoist:applied",
}


def http_apis(v2, ids):
    """HTTP and WebSocket APIs with all their parts; `ids` learns what to call what AWS drew."""
    all = []
    for a in v2.get_apis()["Items"]:
        api = {"ApiId": a["ApiId"]}
        ids[a["ApiId"]] = "api " + a["Name"]
        integrations = v2.get_integrations(**api)["Items"]
        authorizers = v2.get_authorizers(**api)["Items"]
        routes = v2.get_routes(**api)["Items"]
        for i in integrations:
            ids[i["IntegrationId"]] = "integration of " + str(i.get("IntegrationUri"))
        for x in authorizers:
            ids[x["AuthorizerId"]] = "authorizer " + x["Name"]
        for r in routes:
            ids[r["RouteId"]] = "route " + r["RouteKey"]
            # Nobody needs a name for these.
            r["answers"] = [[x["RouteResponseKey"]] for x in v2.get_route_responses(RouteId=r["RouteId"], **api)["Items"]] if a["ProtocolType"] == "WEBSOCKET" else []
        all.append({"is": a, "integrations": integrations, "authorizers": authorizers, "routes": routes, "stages": v2.get_stages(**api)["Items"]})
    return all


def rest_apis(rest, ids):
    """REST APIs with all their parts, usage plans and keys."""
    all = []
    for a in rest.get_rest_apis()["items"]:
        api = {"restApiId": a["id"]}
        ids[a["id"]] = "api " + a["name"]
        resources = rest.get_resources(embed=["methods"], limit=500, **api)["items"]
        authorizers = rest.get_authorizers(**api)["items"]
        for r in resources:
            ids[r["id"]] = "resource " + r["path"]
        for x in authorizers:
            ids[x["id"]] = "authorizer " + x["name"]
        models = [m["name"] for m in rest.get_models(**api)["items"]]
        all.append({"is": a, "resources": resources, "authorizers": authorizers, "models": models, "stages": rest.get_stages(**api)["item"]})
    keys, plans = rest.get_api_keys()["items"], rest.get_usage_plans()["items"]
    for one in [*keys, *plans]:
        ids[one["id"]] = one["name"]
    plans = [{"is": p, "keys": [k["name"] for k in rest.get_usage_plan_keys(usagePlanId=p["id"])["items"]]} for p in plans]
    return all, keys, plans


def domains(client, ids):
    """Custom domains with what they lead to, and the records that lead to them. Not known straight from the emulator."""
    rest, v2, route53 = client("apigateway"), client("apigatewayv2"), client("route53")
    all = []
    for d in rest.get_domain_names()["items"]:
        name = d["domainName"]
        for drawn in ("regionalDomainName", "distributionDomainName"):
            if d.get(drawn):
                ids[d[drawn]] = f"{drawn} of {name}"
        for drawn in ("regionalCertificateArn", "certificateArn"):
            if d.get(drawn):
                ids[d[drawn].rsplit("/", 1)[1]] = f"certificate of {name}"
        rest_mappings = rest.get_base_path_mappings(domainName=name).get("items", [])
        mappings = v2.get_api_mappings(DomainName=name)["Items"]
        all.append({"is": {k: v for k, v in d.items() if k != "certificateUploadDate"}, "rest": rest_mappings, "mappings": [{k: v for k, v in m.items() if k != "ApiMappingId"} for m in mappings]})
    zones = {}
    for z in route53.list_hosted_zones()["HostedZones"]:
        zones[z["Name"]] = [r for r in route53.list_resource_record_sets(HostedZoneId=z["Id"])["ResourceRecordSets"] if r.get("AliasTarget")]
    return {"domains": all, "records": zones}


def without(x):
    if isinstance(x, dict):
        return {k: without(v) for k, v in x.items() if k not in OF_APIS}
    return [without(v) for v in x] if isinstance(x, list) else x


def state(client):
    l, iam, logs = client("lambda"), client("iam"), client("logs")
    functions = {}
    for f in (f for page in l.get_paginator("list_functions").paginate() for f in page["Functions"]):
        name = f["FunctionName"]
        one = l.get_function(FunctionName=name)
        policy = found(l.get_policy, "Policy", FunctionName=name)
        functions[name] = {
            "is": one["Configuration"], "tags": one.get("Tags"), "concurrency": one.get("Concurrency"),
            "url": found(l.get_function_url_config, FunctionName=name),
            "policy": json.loads(policy)["Statement"] if policy else None,
            "versions": len(l.list_versions_by_function(FunctionName=name)["Versions"]),
            "aliases": l.list_aliases(FunctionName=name)["Aliases"],
            "provisioned": [[p["FunctionArn"], p["RequestedProvisionedConcurrentExecutions"]] for p in found(l.list_provisioned_concurrency_configs, "ProvisionedConcurrencyConfigs", FunctionName=name) or []],
            "invoke": found(l.get_function_event_invoke_config, FunctionName=name),
        }
    roles = {}
    for r in iam.list_roles()["Roles"]:
        name = r["RoleName"]
        roles[name] = {
            "trust": r["AssumeRolePolicyDocument"], "tags": iam.list_role_tags(RoleName=name)["Tags"],
            "inline": {p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"] for p in iam.list_role_policies(RoleName=name)["PolicyNames"]},
            "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
        }
    groups = {}
    for g in logs.describe_log_groups()["logGroups"]:
        groups[g["logGroupName"]] = {"is": g, "tags": logs.list_tags_log_group(logGroupName=g["logGroupName"])["tags"]}
    events, sns = client("events"), client("sns")
    rules = {}
    for r in events.list_rules()["Rules"]:
        rules[r["Name"]] = {"is": r, "targets": events.list_targets_by_rule(Rule=r["Name"])["Targets"]}
    topics = {}
    for t in sns.list_topics()["Topics"]:
        topics[t["TopicArn"]] = {"tags": sns.list_tags_for_resource(ResourceArn=t["TopicArn"])["Tags"], "to": sns.list_subscriptions_by_topic(TopicArn=t["TopicArn"])["Subscriptions"]}
    scaling = client("application-autoscaling")
    scaled = {}
    for t in scalable_targets(scaling):
        policies = scaling.describe_scaling_policies(ServiceNamespace="lambda", ResourceId=t["ResourceId"])["ScalingPolicies"]
        arn = t.pop("ScalableTargetARN")
        scaled[t["ResourceId"]] = {"is": t, "tags": scaling.list_tags_for_resource(ResourceARN=arn)["Tags"], "policies": [{k: v for k, v in p.items() if k != "PolicyARN"} for p in policies]}
    mappings = l.list_event_source_mappings()["EventSourceMappings"]
    ids = {}
    http, (rest, keys, plans) = http_apis(client("apigatewayv2"), ids), rest_apis(client("apigateway"), ids)
    named = ["http " + a["is"]["Name"] for a in http] + ["rest " + a["is"]["name"] for a in rest]
    apis = without([{kind: one} for kind, all in (("http", http), ("rest", rest), ("key", keys), ("plan", plans)) for one in all])
    all = {"at": domains(client, ids), "named": named, "functions": functions, "roles": roles, "groups": groups, "rules": rules, "topics": topics, "mappings": mappings, "apis": apis, "scaled": scaled, "code_deploy": deployed_by_code_deploy(client)}
    if ids:
        # The ids of APIs go into the fingerprints of what calls functions.
        for f in functions.values():
            f["tags"].pop("hoist:applied", None)
    text = json.dumps(all, default=plain)
    for drawn, name in ids.items():
        text = text.replace(drawn, json.dumps(name)[1:-1])
    # The lists are sorted by what they are called.
    return tidy(json.loads(text))
