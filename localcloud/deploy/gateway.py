"""The resources of API Gateway in a template: their shapes, and the groups that they describe together.

The shapes follow the ROS resource types of ros-cdk-apigateway 1.11.0. Properties that this cloud would ignore are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.apigateway.model import Api, App, Group, Limit, Parameter
from localcloud.deploy.check import Fields, listed, number, one_of, text, truth
from localcloud.deploy.document import Document

Json = dict[str, Any]
SERVICE = "apigateway.aliyuncs.com"
"""The service that the role of an API must trust."""
_KIND = "ALIYUN::ApiGateway::"
_PARAMETER_LOCATION = one_of("PATH", "QUERY", "HEAD")
_ID = text(r".+", "an id")
_NAME = text(r"[A-Za-z][\w. -]{3,127}", "4 to 128 letters, digits, _, -, . or spaces")
_SHORT = text(r"(?s).{0,180}", "at most 180 characters")
_STAGE = one_of("RELEASE")
_REQUEST = Fields(
    {
        "RequestProtocol": one_of("HTTP", "HTTPS", "HTTP,HTTPS"),
        "RequestHttpMethod": one_of("GET", "POST", "DELETE", "PUT", "HEAD", "PATCH", "OPTIONS"),
        "RequestPath": text(r"/[\w./\[\]-]*", "a path"),
        "RequestMode": one_of("MAPPING"),
        "BodyFormat": one_of("STREAM"),
    },
    ("RequestProtocol", "RequestHttpMethod", "RequestPath", "RequestMode"),
    ("PostBodyDescription",),
)
_FUNCTION = Fields(
    {
        "FcVersion": one_of("3.0"),
        "FcType": one_of("FCEvent"),
        "FcRegionId": text(),
        "FunctionName": _ID,
        "Qualifier": one_of("LATEST"),
        "RoleArn": text(r"acs:ram::\d+:role/.+", "a role's resource name"),
    },
    ("FcVersion", "FunctionName", "RoleArn"),
    ("FcBaseUrl", "Method", "Path", "OnlyBusinessPath", "ServiceName", "ContentTypeCatagory", "ContentTypeValue"),
)
_API = Fields(
    {
        "GroupId": _ID,
        "ApiName": _NAME,
        "Description": _SHORT,
        "Visibility": one_of("PUBLIC", "PRIVATE"),
        "AuthType": one_of("APP"),
        "AllowSignatureMethod": one_of("HmacSHA256"),
        "AppCodeAuthType": one_of("DISABLE", "HEADER", "HEADER_QUERY"),
        "ForceNonceCheck": truth,
        "RequestConfig": _REQUEST,
        "RequestParameters": listed(
            Fields(
                {
                    "ApiParameterName": _ID,
                    "Location": _PARAMETER_LOCATION,
                    "ParameterType": one_of("String"),
                    "Required": one_of("REQUIRED", "OPTION"),
                },
                ("ApiParameterName", "Location", "ParameterType", "Required"),
            )
        ),
        "ServiceParameters": listed(
            Fields({"ServiceParameterName": _ID, "Location": _PARAMETER_LOCATION, "ParameterType": one_of("STRING")})
        ),
        "ServiceParametersMap": listed(Fields({"ServiceParameterName": _ID, "RequestParameterName": _ID})),
        "SystemParameters": listed(
            Fields(
                {
                    "ParameterName": one_of(
                        "CaClientIp", "CaDomain", "CaRequestHandleTime", "CaAppId", "CaRequestId", "CaHttpSchema", "CaProxy"
                    ),
                    "ServiceParameterName": _ID,
                    "Location": one_of("HEAD"),
                }
            )
        ),
        "ServiceConfig": Fields(
            {
                "ServiceProtocol": one_of("FunctionCompute"),
                "ServiceTimeOut": number(1, 30_000),
                "ContentTypeCatagory": one_of("CLIENT"),
                "FunctionComputeConfig": _FUNCTION,
            },
            ("ServiceProtocol", "FunctionComputeConfig"),
        ),
        "ResultType": one_of("PASSTHROUGH"),
    },
    ("GroupId", "ApiName", "Visibility", "RequestConfig", "ServiceConfig"),
    ("ConstParameters", "DisableInternet", "ErrorCodeSamples", "OpenIdConnectConfig", "WebSocketApiType"),
)
_TO = {"GroupId": _ID, "StageName": _STAGE}
_APIS = {**_TO, "ApiIds": listed(_ID, 1, 100)}
PROPERTIES = {
    f"{_KIND}Group": Fields({"GroupName": _NAME, "Description": _SHORT, "InstanceId": text()}, ("GroupName",), ("BasePath",)),
    f"{_KIND}Api": _API,
    f"{_KIND}App": Fields({"AppName": text(r"\w{4,26}", "4 to 26 characters"), "Description": _SHORT}, ("AppName",)),
    f"{_KIND}Deployment": Fields({**_TO, "ApiId": _ID, "Description": _SHORT}, (*_TO, "ApiId")),
    f"{_KIND}Authorization": Fields({**_APIS, "AppIds": listed(_ID, 1), "Description": _SHORT}, (*_APIS, "AppIds")),
    f"{_KIND}TrafficControl": Fields(
        {
            "TrafficControlName": _NAME,
            "Description": _SHORT,
            "TrafficControlUnit": one_of("MINUTE"),
            "ApiDefault": number(1, 10**8),
            "AppDefault": text(r"[1-9]\d{0,7}", "a number"),
        },
        ("TrafficControlName", "TrafficControlUnit", "ApiDefault"),
        ("Special", "UserDefault"),
    ),
    f"{_KIND}TrafficControlBinding": Fields({**_APIS, "TrafficControlId": _ID}, (*_APIS, "TrafficControlId")),
}
MADE = {
    f"{_KIND}Group": ("GroupId", "SubDomain"),
    f"{_KIND}Api": ("ApiId",),
    f"{_KIND}App": ("AppId", "AppKey"),
    f"{_KIND}TrafficControl": ("TrafficControlId",),
}
"""The attribute that holds the gateway's generated id of each resource. In this emulation the id is the resource's logical id."""
Resource = tuple[str, str, Json]
"""Type, logical id and resolved properties."""


def groups(resources: list[Resource], secret: Callable[..., str]) -> list[Group]:
    """The groups that the resources describe, with the deployed APIs only. ``secret`` derives an app's keys from words."""

    def of(kind: str) -> dict[str, Json]:
        return {name: properties for each, name, properties in resources if each == _KIND + kind}

    deployed = {each["ApiId"] for each in of("Deployment").values()}
    allowed = of("Authorization").values()
    apps = tuple(
        App(
            str(int(secret("app id", name)[:8], 16)),
            properties["AppName"],
            str(int(secret("app key", name)[:12], 16)),
            secret("app secret", name)[:32],
            secret("app code", name)[:32],
            tuple(api for each in allowed if name in each["AppIds"] for api in each["ApiIds"]),
        )
        for name, properties in of("App").items()
    )
    limits = _limits(of("TrafficControl"), list(of("TrafficControlBinding").values()))
    return [
        Group(
            properties["GroupName"],
            tuple(_api(id, api) for id, api in of("Api").items() if api["GroupId"] == name and id in deployed),
            apps,
            limits,
        )
        for name, properties in of("Group").items()
    ]


def _limits(controls: dict[str, Json], bindings: list[Json]) -> dict[str, Limit]:
    made = {name: Limit(each["ApiDefault"], int(each.get("AppDefault", 0))) for name, each in controls.items()}
    return {api: made[each["TrafficControlId"]] for each in bindings for api in each["ApiIds"]}


def _api(id: str, properties: Json) -> Api:
    request, service = properties["RequestConfig"], properties["ServiceConfig"]
    function = service["FunctionComputeConfig"]
    return Api(
        id,
        properties["ApiName"],
        request["RequestHttpMethod"],
        request["RequestPath"],
        properties.get("AppCodeAuthType", "DISABLE"),
        properties.get("ForceNonceCheck", False),
        service.get("ServiceTimeOut", 10_000),
        function["FunctionName"],
        function["RoleArn"].rpartition("/")[2],
        _parameters(properties),
        {each["ParameterName"]: each["ServiceParameterName"] for each in properties.get("SystemParameters", ())},
    )


def _parameters(properties: Json) -> tuple[Parameter, ...]:
    """Return the parameters that are mapped; no others reach the function."""
    places = {each["ServiceParameterName"]: each["Location"] for each in properties.get("ServiceParameters", ())}
    goes = {each["RequestParameterName"]: each["ServiceParameterName"] for each in properties.get("ServiceParametersMap", ())}
    return tuple(
        Parameter(
            each["ApiParameterName"],
            each["Location"],
            each["Required"] == "REQUIRED",
            goes[each["ApiParameterName"]],
            places[goes[each["ApiParameterName"]]],
        )
        for each in properties.get("RequestParameters", ())
        if goes.get(each["ApiParameterName"]) in places
    )


def check(document: Document, resources: list[Resource], functions: set[str], roles: list[Json]) -> None:
    """Check that each API names a deployed function, and a role that the gateway may assume."""
    trusted = {
        role["RoleName"]
        for role in roles
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
        if SERVICE in statement["Principal"].get("Service", ())
    }
    for kind, name, properties in resources:
        if kind != f"{_KIND}Api":
            continue
        place = ("Resources", name, "Properties", "ServiceConfig", "FunctionComputeConfig")
        function = properties["ServiceConfig"]["FunctionComputeConfig"]
        if function["FunctionName"] not in functions:
            document.complain((*place, "FunctionName"), f"{function['FunctionName']} is no function that is deployed")
        if function["RoleArn"].rpartition("/")[2] not in trusted:
            document.complain((*place, "RoleArn"), f"no role here that {SERVICE} may assume: {function['RoleArn']}")
        if not {"ServiceParameters", "ServiceParametersMap"} <= set(properties) and properties.get("RequestParameters"):
            document.complain(place[:3], "RequestParameters that are not mapped do not reach the function")
