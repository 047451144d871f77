"""The small application behind API Gateway, with two operations that call app-echo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcloud import account
from localcloud.core.app import Cloud
from localcloud.fc.inprocess import InProcessInvoker
from localcloud.fc.invoker import Invoker
from tests.support.gateway import GatewayClient
from tools.deployed.application import write_application

GROUP = "things"
ECHO = """
import json
def initialize(context):
    pass
def handler(event, context):
    document = json.loads(event)
    if document["path"] == "/things/broken":
        raise ValueError("boom")
    if document["path"] == "/things/shapeless":
        return {"no": "shape"}
    status = "404" if document["path"] == "/things/gone" else "200"
    headers = {"x-own": "yes", "content-type": "application/json; charset=utf-8"}
    return json.dumps({"isBase64Encoded": "false", "statusCode": status, "headers": headers, "body": json.dumps(document)})
"""
_API = """
  {name}:
    Type: ALIYUN::ApiGateway::Api
    Properties:
      GroupId: !GetAtt Group.GroupId
      ApiName: app-{name}
      Visibility: PRIVATE
      AuthType: APP
      AppCodeAuthType: HEADER
      ForceNonceCheck: true
      RequestConfig: {{RequestProtocol: HTTPS, RequestHttpMethod: {method}, RequestPath: '{path}', RequestMode: MAPPING}}
      RequestParameters: [{request}]
      ServiceParameters: [{service}]
      ServiceParametersMap: [{mapped}]
      SystemParameters: [{{ParameterName: CaAppId, ServiceParameterName: x-app, Location: HEAD}}]
      ServiceConfig:
        ServiceProtocol: FunctionCompute
        ServiceTimeOut: 20000
        FunctionComputeConfig: {{FcVersion: '3.0', FunctionName: app-echo, RoleArn: !GetAtt GatewayRole.Arn}}
  {name}Deployment:
    Type: ALIYUN::ApiGateway::Deployment
    Properties: {{GroupId: !GetAtt Group.GroupId, ApiId: !Ref {name}, StageName: RELEASE}}
"""
_PARAMETER = "{{ApiParameterName: {name}, Location: {place}, ParameterType: String, Required: {required}}}"
GATEWAY = """
ROSTemplateFormatVersion: '2015-09-01'
Resources:
  GatewayRole:
    Type: ALIYUN::RAM::Role
    Properties:
      RoleName: app-gateway
      AssumeRolePolicyDocument:
        Version: '1'
        Statement: [{Effect: Allow, Action: 'sts:AssumeRole', Principal: {Service: [apigateway.aliyuncs.com]}}]
      Policies:
        - PolicyName: app-gateway
          PolicyDocument:
            Version: '1'
            Statement: [{Effect: Allow, Action: ['fc:InvokeFunction'], Resource: ['*']}]
  Group: {Type: 'ALIYUN::ApiGateway::Group', Properties: {GroupName: things}}
  App: {Type: 'ALIYUN::ApiGateway::App', Properties: {AppName: friends}}
  Stranger: {Type: 'ALIYUN::ApiGateway::App', Properties: {AppName: strangers}}
  Authorization:
    Type: ALIYUN::ApiGateway::Authorization
    Properties: {GroupId: !GetAtt Group.GroupId, StageName: RELEASE, ApiIds: [!Ref Get, !Ref Post], AppIds: [!Ref App]}
  Throttling:
    Type: ALIYUN::ApiGateway::TrafficControl
    Properties: {TrafficControlName: things, TrafficControlUnit: MINUTE, ApiDefault: 10, AppDefault: '5'}
  Binding:
    Type: ALIYUN::ApiGateway::TrafficControlBinding
    Properties: {GroupId: !GetAtt Group.GroupId, StageName: RELEASE, ApiIds: [!Ref Post], TrafficControlId: !Ref Throttling}
"""


def _api(name: str, method: str, path: str, *parameters: tuple[str, str, str]) -> str:
    return _API.format(
        name=name,
        method=method,
        path=path,
        request=", ".join(_PARAMETER.format(name=each, place=place, required=must) for each, place, must in parameters),
        service=", ".join(
            f"{{ServiceParameterName: {each}, Location: {place}, ParameterType: STRING}}" for each, place, _ in parameters
        ),
        mapped=", ".join(f"{{ServiceParameterName: {each}, RequestParameterName: {each}}}" for each, _, _ in parameters),
    )


TEMPLATE = (
    GATEWAY
    + _api(
        "Get",
        "GET",
        "/things/[id]",
        ("id", "PATH", "REQUIRED"),
        ("limit", "QUERY", "OPTION"),
        ("word", "QUERY", "OPTION"),
        ("empty", "QUERY", "OPTION"),
        ("X-Own", "HEAD", "OPTION"),
    )
    + _api("Post", "POST", "/things", ("X-Own", "HEAD", "REQUIRED"))
)


def files_with_gateway(folder: Path, template: str = TEMPLATE) -> account.Files:
    """The application's files with the gateway's template."""
    files = write_application(folder)
    (folder / "functions" / "echo" / "index.py").write_text(ECHO)
    path = folder / "gateway.yml"
    path.write_text(template)
    files.more = (path,)
    return files


@contextmanager
def behind_gateway(folder: Path, template: str = TEMPLATE, invoker: Invoker | None = None) -> Iterator[Cloud]:
    """A cloud with the application deployed behind the gateway."""
    cloud = account.build(invoker=invoker or InProcessInvoker())
    account.deploy(cloud, files_with_gateway(folder, template), "http://127.0.0.1:1")
    yield cloud
    cloud.close()


def client_of(cloud: Cloud, url: str, app: str = "friends") -> GatewayClient:
    """A client with the keys of an app."""
    group = next(each for each in account.service(cloud, "apigateway").groups() if each.name == GROUP)
    found = next(each for each in group.apps if each.name == app)
    return GatewayClient(f"{url}/gateway/{GROUP}", found.key, found.secret, {"x-own": "mine"})
