"""The SDKs' clients for a local cloud, and an event to publish with them."""

from __future__ import annotations

import json
from typing import Any, Protocol

import fc2
from alibabacloud_eventbridge import models as eb
from alibabacloud_eventbridge.client import Client as EventBridgeClient

from localcloud.core.access_keys import Key
from tools.deployed.application import BUS


class AnyCloud(Protocol):
    """A cloud in this process, or a served one."""

    @property
    def owner(self) -> Key: ...

    @property
    def region(self) -> str: ...


def eventbridge(cloud: AnyCloud, key: Any = None, secret: str = "", endpoint: str = "127.0.0.1:1") -> EventBridgeClient:
    """EventBridge's client. The default key is the owner's."""
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


def functions(cloud: AnyCloud, key: Any = None, secret: str = "", endpoint: str = "http://127.0.0.1:1") -> fc2.Client:
    """Function Compute's client. The default key is the owner's."""
    key = key or cloud.owner
    return fc2.Client(
        endpoint=endpoint,
        accessKeyID=key.access_key_id,
        accessKeySecret=secret or key.access_key_secret,
        securityToken=key.token,
        Timeout=20,
    )


def event(id: str = "e1", type: str = "app:Thing:Made", bus: str = BUS, data: Any = None, source: str = "app") -> eb.CloudEvent:
    """An event for the application's bus."""
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
