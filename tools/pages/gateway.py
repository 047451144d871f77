"""gateway.yml: the API behind classic API Gateway. It is made from the OpenAPI document, so that no operation is described
twice.
"""

from __future__ import annotations

from typing import Any

import yaml

from shared.runtime.openapi import openapi_document
from shared.runtime.rates import APP_HEADER
from shared.runtime.routes import ROUTES
from shared.runtime.settings import Settings

Json = dict[str, Any]
STAGE = "RELEASE"
FUNCTION = "replank-api"
TIMEOUT_MS = 30_000
"""The gateway waits at most this long for a function. replank-api has the same limit (s.yaml)."""
HEAD = """\
# Made by `make docs` from the OpenAPI document: do not edit. ROS, a stack of its own beside template.yml and s.yaml; nothing else
# needs it. Classic API Gateway before the api function: a group, an API for each operation, an app that may call them, throttling,
# and the one role that may invoke the function for it. docs/gateway.md says how to deploy it, how to sign, and what is assumed.
"""
_OF_TRIGGER = ("Authorization",)
"""Headers that only the HTTP trigger reads. The function never sees them."""
_LOCATIONS = {"path": "PATH", "query": "QUERY", "header": "HEAD"}


class _Flat(yaml.SafeDumper):
    """Writes the innermost objects on one line, without YAML anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render() -> str:
    """The whole template."""
    apis = dict(_apis())
    names = list(apis)
    template = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Description": {"en": "Replank: its HTTP API behind classic API Gateway."},
        "Parameters": PARAMETERS,
        "Resources": {**COMMON, **apis, **dict(map(_deployment, names)), **_access([f"{name}Deployment" for name in names], names)},
        "Outputs": OUTPUTS,
    }
    return HEAD + yaml.dump(template, Dumper=_Flat, sort_keys=False, default_flow_style=None, width=130, allow_unicode=True)


def _text(words: str, default: str, **more: Any) -> Json:
    return {"Type": "String", "Default": default, "Description": {"en": words}, **more}


PARAMETERS: Json = {
    "GatewayInstance": _text("Gateway instance; the default is the shared one of the VPC type.", "api-shared-vpc-001"),
    "AppCodes": _text(
        "DISABLE: callers must sign. HEADER: the app's AppCode will do; it is a password, sent with every request.",
        "DISABLE",
        AllowedValues=["DISABLE", "HEADER"],
    ),
    "RequestsPerMinute": {"Type": "Number", "Default": 600, "Description": {"en": "Of all callers together, per operation."}},
    "RequestsPerMinuteOfAnApp": _text("Of one app, per operation.", "300"),
}
COMMON: Json = {
    "InvokeRole": {
        "Type": "ALIYUN::RAM::Role",
        "Properties": {
            "RoleName": "replank-gateway",
            "Description": "What API Gateway may do for Replank: invoke the api function.",
            "AssumeRolePolicyDocument": {
                "Version": "1",
                "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["apigateway.aliyuncs.com"]}},
                ],
            },
            "Policies": [
                {
                    "PolicyName": "replank-gateway",
                    "PolicyDocument": {
                        "Version": "1",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": ["fc:InvokeFunction"],
                                "Resource": [
                                    {"Fn::Sub": f"acs:fc:${{ALIYUN::Region}}:${{ALIYUN::TenantId}}:functions/{FUNCTION}"},
                                ],
                            },
                        ],
                    },
                },
            ],
        },
    },
    "Group": {
        "Type": "ALIYUN::ApiGateway::Group",
        "Properties": {
            "GroupName": "replank",
            "Description": "The HTTP API of Replank.",
            "InstanceId": {"Ref": "GatewayInstance"},
        },
    },
    "App": {
        "Type": "ALIYUN::ApiGateway::App",
        "Properties": {"AppName": "replank_operators", "Description": "Who may call the HTTP API of Replank."},
    },
    "Throttling": {
        "Type": "ALIYUN::ApiGateway::TrafficControl",
        "Properties": {
            "TrafficControlName": "replank",
            "Description": "How many requests the operations of Replank take.",
            "TrafficControlUnit": "MINUTE",
            "ApiDefault": {"Ref": "RequestsPerMinute"},
            "AppDefault": {"Ref": "RequestsPerMinuteOfAnApp"},
        },
    },
}
OUTPUTS: Json = {
    "SubDomain": {"Value": {"Fn::GetAtt": ["Group", "SubDomain"]}, "Description": {"en": "Host name of the API."}},
    "AppId": {
        "Value": {"Fn::GetAtt": ["App", "AppId"]},
        "Description": {"en": "The app; its AppKey, AppSecret and AppCode are in the API Gateway console."},
    },
}


def _apis() -> list[tuple[str, Json]]:
    """An API for each operation of the document, and one for the document itself."""
    whole = openapi_document(ROUTES, Settings.operator_header)
    described, schemes = whole["paths"], whole["components"]["securitySchemes"].values()
    tokens = [{"name": each["name"], "in": "header"} for each in schemes if each["name"] not in _OF_TRIGGER]
    found = [("GetDocument", _api("GetDocument", "GET", "/openapi.json", {"summary": "This API as an OpenAPI 3.1 document."}))]
    for path, operations in described.items():
        for method, operation in operations.items():
            name = operation["operationId"][0].upper() + operation["operationId"][1:]
            parameters = [*operation["parameters"], *tokens]
            found.append((name, _api(name, method.upper(), path, {**operation, "parameters": parameters})))
    return found


def _api(name: str, method: str, path: str, operation: Json) -> Json:
    parameters = [(each["name"], _LOCATIONS[each["in"]]) for each in operation.get("parameters", ())]
    body = {"BodyFormat": "STREAM"} if method == "POST" else {}
    return {
        "Type": "ALIYUN::ApiGateway::Api",
        "Properties": {
            "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
            "ApiName": f"replank-{name}",
            "Description": operation["summary"][:180],
            "Visibility": "PRIVATE",
            "AuthType": "APP",
            "AllowSignatureMethod": "HmacSHA256",
            "AppCodeAuthType": {"Ref": "AppCodes"},
            "ForceNonceCheck": True,
            "RequestConfig": {
                "RequestProtocol": "HTTPS",
                "RequestHttpMethod": method,
                "RequestPath": path.replace("{", "[").replace("}", "]"),
                "RequestMode": "MAPPING",
                **body,
            },
            **_mapping(parameters),
            "SystemParameters": [{"ParameterName": "CaAppId", "ServiceParameterName": APP_HEADER, "Location": "HEAD"}],
            "ServiceConfig": {
                "ServiceProtocol": "FunctionCompute",
                "ServiceTimeOut": TIMEOUT_MS,
                "ContentTypeCatagory": "CLIENT",
                "FunctionComputeConfig": {
                    "FcVersion": "3.0",
                    "FcType": "FCEvent",
                    "FcRegionId": {"Ref": "ALIYUN::Region"},
                    "FunctionName": FUNCTION,
                    "Qualifier": "LATEST",
                    "RoleArn": {"Fn::GetAtt": ["InvokeRole", "Arn"]},
                },
            },
            "ResultType": "PASSTHROUGH",
        },
    }


def _mapping(parameters: list[tuple[str, str]]) -> Json:
    """Pass each parameter to the function unchanged. The function validates it, and answers with a remedy."""
    if not parameters:
        return {}
    return {
        "RequestParameters": [
            {
                "ApiParameterName": name,
                "Location": location,
                "ParameterType": "String",
                "Required": "REQUIRED" if location == "PATH" else "OPTION",
            }
            for name, location in parameters
        ],
        "ServiceParameters": [
            {"ServiceParameterName": name, "Location": location, "ParameterType": "STRING"} for name, location in parameters
        ],
        "ServiceParametersMap": [{"ServiceParameterName": name, "RequestParameterName": name} for name, _ in parameters],
    }


def _deployment(name: str) -> tuple[str, Json]:
    properties = {
        "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
        "ApiId": {"Fn::GetAtt": [name, "ApiId"]},
        "StageName": STAGE,
    }
    return f"{name}Deployment", {"Type": "ALIYUN::ApiGateway::Deployment", "Properties": properties}


def _access(deployments: list[str], names: list[str]) -> Json:
    """The settings of all APIs after deployment: who may call, and how often."""
    to = {
        "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
        "ApiIds": [{"Fn::GetAtt": [name, "ApiId"]} for name in names],
        "StageName": STAGE,
    }
    return {
        "Authorization": {
            "Type": "ALIYUN::ApiGateway::Authorization",
            "DependsOn": deployments,
            "Properties": {**to, "AppIds": [{"Fn::GetAtt": ["App", "AppId"]}]},
        },
        "ThrottlingBinding": {
            "Type": "ALIYUN::ApiGateway::TrafficControlBinding",
            "DependsOn": deployments,
            "Properties": {**to, "TrafficControlId": {"Fn::GetAtt": ["Throttling", "TrafficControlId"]}},
        },
    }
