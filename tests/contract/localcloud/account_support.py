"""A small application to deploy, and accounts to deploy it into: in this process, or behind a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fc2
from alibabacloud_eventbridge import models as eb
from alibabacloud_eventbridge.client import Client as EventBridgeClient

from localcloud import account
from localcloud.core.app import Cloud
from localcloud.core.http import Request
from localcloud.fc.inprocess import InProcessInvoker
from tests.support.inprocess import in_process

BUS = "replank"
ROLE = "app-echo"

ECHO = """
import json, os, sys, time
calls = []
def initialize(context):
    print("initialized", context.function.name)
def handler(event, context):
    calls.append(event)
    print("heard", event[:400].decode())
    if b"requestPayload" in event:
        return {"event": json.loads(event)}
    if b"BOOM" in event:
        raise ValueError("boom")
    if b"EXIT" in event:
        os._exit(3)
    if b"HANG" in event:
        time.sleep(60)
    if b"SHAPED" in event:
        return {"statusCode": 201, "headers": {"x-own": "yes"}, "body": "made", "isBase64Encoded": False}
    shown = ("FC_", "ALIBABA_", "LOCALCLOUD_", "ENDPOINT", "GREET", "http_proxy")
    return {
        "calls": len(calls),
        "pid": os.getpid(),
        "event": json.loads(event) if event[:1] in (b"{", b"[") else event.decode(),
        "request_id": context.request_id,
        "environment": {name: value for name, value in os.environ.items() if name.startswith(shown)},
    }
"""

SERVICES = """
edition: 3.0.0
name: app
access: default
vars:
  region: cn-hangzhou
  common: &common
    region: ${vars.region}
    runtime: python3.10
    handler: index.handler
    instanceLifecycleConfig: {initializer: {handler: index.initialize, timeout: 10}}
resources:
  echo:
    component: fc3
    props:
      <<: *common
      functionName: app-echo
      code: ./build/echo.zip
      timeout: 1
      role: acs:ram::${config('AccountID')}:role/app-echo
      environmentVariables:
        ENDPOINT: ${env('REPLANK_EVENTBRIDGE_ENDPOINT', '')}
        GREETING: ${env('GREETING', 'hello')}
      asyncInvokeConfig:
        maxAsyncRetryAttempts: 2
        maxAsyncEventAgeInSeconds: 3600
        destinationConfig: {onFailure: {destination: "acs:fc:${vars.region}:${config('AccountID')}:functions/app-dead"}}
      triggers:
        - {triggerName: web, triggerType: http, triggerConfig: {authType: function, methods: [GET, POST]}}
        - {triggerName: tick, triggerType: timer, triggerConfig: {cronExpression: "@every 1m", enable: true, payload: tick}}
  dead:
    component: fc3
    props:
      <<: *common
      functionName: app-dead
      code: ./build/echo.zip
      triggers:
        - {triggerName: web, triggerType: http, triggerConfig: {authType: anonymous, methods: [POST]}}
"""

TEMPLATE = """
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  Bus: {Type: String, Default: replank}
Resources:
  Instance:
    Type: ALIYUN::OTS::Instance
    Properties: {InstanceName: replank}
  Table:
    Type: ALIYUN::OTS::Table
    DependsOn: Instance
    Properties:
      InstanceName: !GetAtt Instance.InstanceName
      TableName: things
      PrimaryKey: [{Name: id, Type: STRING}]
      Columns: [{Name: state, Type: STRING}]
      SecondaryIndices: [{IndexName: things_by_state, PrimaryKeys: [state, id], Columns: [], IndexType: Global}]
  Role:
    Type: ALIYUN::RAM::Role
    Properties:
      RoleName: app-echo
      AssumeRolePolicyDocument:
        Version: '1'
        Statement: [{Effect: Allow, Action: 'sts:AssumeRole', Principal: {Service: [fc.aliyuncs.com]}}]
      Policies:
        - PolicyName: app-echo
          PolicyDocument:
            Version: '1'
            Statement:
              - Effect: Allow
                Action: 'eventbridge:PutEvents'
                Resource: [{'Fn::Sub': 'acs:eventbridge:*:${ALIYUN::TenantId}:eventbus/${Bus}'}]
              - {Effect: Allow, Action: 'fc:InvokeFunction', Resource: ['*']}
  Rule:
    Type: ALIYUN::EventBridge::Rule
    Properties:
      EventBusName: !Ref Bus
      RuleName: to-echo
      FilterPattern: {source: [app], type: [{prefix: 'app:'}]}
      Targets:
        - Id: function
          Type: acs.fc.function
          Endpoint: !Sub 'acs:fc:${ALIYUN::Region}:${ALIYUN::TenantId}:functions/app-echo'
          PushRetryStrategy: BACKOFF_RETRY
          ParamList: [{ResourceKey: Body, Form: ORIGINAL, Value: ''}]
"""


@dataclass
class App:
    """An account in this process with the application deployed; the real clients reach it without a socket."""

    cloud: Cloud
    files: account.Files

    @property
    def fc(self) -> Any:
        return account.service(self.cloud, "fc")

    def deploy(self) -> None:
        account.deploy(self.cloud, self.files, "http://127.0.0.1:1")

    def settle(self, span_ms: int = 0) -> None:
        """Do everything due within ``span_ms`` of virtual time."""
        until = self.cloud.clock.now_ms() + span_ms
        for _ in range(10_000):
            if not self.cloud.step(until):
                return
        raise AssertionError("the cloud does not come to rest")

    def invocations(self, function: str = "app-echo") -> list[Any]:
        return list(self.fc.history.of(function))


def write_application(folder: Path) -> account.Files:
    """The application's files in ``folder``."""
    (folder / "functions" / "echo").mkdir(parents=True)
    (folder / "functions" / "echo" / "index.py").write_text(ECHO)
    (folder / "s.yaml").write_text(SERVICES)
    (folder / "template.yml").write_text(TEMPLATE)
    return account.Files(folder / "template.yml", folder / "s.yaml")


@contextmanager
def in_process_app(folder: Path, **options: Any) -> Iterator[App]:
    """Deploy into a cloud of this process, with the bus made, and bring all SDK requests there."""
    cloud = account.build(invoker=InProcessInvoker(), **options)
    app = App(cloud, write_application(folder))
    app.deploy()
    with in_process(cloud.handle):
        eventbridge(cloud).create_event_bus(eb.CreateEventBusRequest(event_bus_name=BUS))
        yield app
    cloud.close()


def eventbridge(cloud: Cloud, key: Any = None, secret: str = "", endpoint: str = "127.0.0.1:1") -> EventBridgeClient:
    key = key or cloud.owner
    config = eb.Config(
        access_key_id=key.access_key_id,
        access_key_secret=secret or key.access_key_secret,
        security_token=key.token or None,
        endpoint=endpoint,
        protocol="http",
        region_id=cloud.region,
    )
    return EventBridgeClient(config)


def functions(cloud: Cloud, key: Any = None, secret: str = "", endpoint: str = "http://127.0.0.1:1") -> fc2.Client:
    key = key or cloud.owner
    return fc2.Client(
        endpoint=endpoint,
        accessKeyID=key.access_key_id,
        accessKeySecret=secret or key.access_key_secret,
        securityToken=key.token,
        Timeout=20,
    )


def event(id: str = "e1", type: str = "app:Thing:Made", bus: str = BUS, data: Any = None, source: str = "app") -> eb.CloudEvent:
    return eb.CloudEvent(
        id=id,
        source=source,
        type=type,
        specversion="1.0",
        subject="thing",
        time="2026-11-23T08:00:00.000Z",
        datacontenttype="application/json",
        data=json.dumps(data if data is not None else {"n": 1}).encode(),
        extensions={"aliyuneventbusname": bus},
    )


def plain(method: str, target: str, body: bytes = b"", **headers: str) -> Request:
    """An unsigned request."""
    return Request(method, target, {"host": "127.0.0.1", **headers}, body)
