"""A small application to deploy: one function that returns its input, with a bus, a table and a rule."""

from __future__ import annotations

from pathlib import Path

from localcloud import account

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


def write_application(folder: Path) -> account.Files:
    """Write the application's files to ``folder``."""
    (folder / "functions" / "echo").mkdir(parents=True)
    (folder / "functions" / "echo" / "index.py").write_text(ECHO)
    (folder / "s.yaml").write_text(SERVICES)
    (folder / "template.yml").write_text(TEMPLATE)
    return account.Files(folder / "template.yml", folder / "s.yaml")
