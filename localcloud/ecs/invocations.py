"""DescribeInvocations and DescribeInvocationResults."""

from __future__ import annotations

import base64
from typing import Any

from localcloud.ecs.paging import Params, page_of, tag_links
from localcloud.ecs.records import Records
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld, shown
from localcloud.wire.rpc import missing

_UNFINISHED = ("Pending", "Running", "Stopping")


class Invocations:
    """The two operations that list invocations and their results."""

    def __init__(self, world: EcsWorld, records: Records) -> None:
        self.world, self.records = world, records

    def describe(self, params: Params) -> dict[str, Any]:
        """DescribeInvocations."""
        self.records.expire()
        if "InvokeId" in params:
            docs = [doc for doc in [self.world.store.get("invocation", params["InvokeId"])] if doc]
        else:
            docs = self.world.store.find("invocation", tag_links(params))
        rows = [(doc, self.world.store.find("result", {"invoke": doc["InvokeId"]})) for doc in docs]
        kept = [self._invocation(doc, results, params) for doc, results in rows if self._wanted(doc, results, params)]
        page, fields = page_of(kept, params)
        return {**fields, "Invocations": {"Invocation": page}}

    def _wanted(self, doc: Doc, results: list[Doc], params: Params) -> bool:
        same = all(doc[name] == params[name] for name in ("CommandId", "CommandName", "CommandType") if name in params)
        on_it = "InstanceId" not in params or any(result["InstanceId"] == params["InstanceId"] for result in results)
        return same and on_it and params.get("InvokeStatus", overall(results)) == overall(results)

    def _invocation(self, doc: Doc, results: list[Doc], params: Params) -> Doc:
        output = params.get("IncludeOutput", False)
        rows = [_row(result, output, params) for result in results]
        status = overall(results)
        content = self.world.cloud.db.blob(doc["sim"]["content"]).decode()
        return {
            **shown(doc),
            "CommandContent": content,
            "InvocationStatus": status,
            "InvokeStatus": status,
            "InvokeInstances": {"InvokeInstance": rows},
        }

    def results(self, params: Params) -> dict[str, Any]:
        """DescribeInvocationResults; by InvokeId, InstanceId or CommandId."""
        self.records.expire()
        where = {link: params[name] for name, link in (("InvokeId", "invoke"), ("InstanceId", "instance")) if name in params}
        if not where and "CommandId" not in params and "Tag" not in params:
            raise missing("InvokeId")
        docs = [
            doc for doc in self.world.store.find("result", where) if params.get("CommandId", doc["CommandId"]) == doc["CommandId"]
        ]
        docs = [doc for doc in docs if params.get("InvokeRecordStatus", doc["InvokeRecordStatus"]) == doc["InvokeRecordStatus"]]
        page, fields = page_of(docs, params)
        rows = [_encoded(doc, params) for doc in page]
        return {"Invocation": {**fields, "InvocationResults": {"InvocationResult": rows}}}


def overall(results: list[Doc]) -> str:
    """An invocation's status, derived from the statuses of its instances."""
    states = [result["InvocationStatus"] for result in results]
    if any(state in _UNFINISHED for state in states):
        return "Running"
    if all(state in ("Cancelled", "Terminated") for state in states):
        return "Stopped"
    good = [state in ("Success", "Cancelled", "Terminated") for state in states]
    return "Finished" if all(good) else "PartialFailed" if any(good) else "Failed"


def _encoded(result: Doc, params: Params) -> Doc:
    """A result as the API shows it. Its output is in base64 unless ContentEncoding is PlainText."""
    fields = {name: value for name, value in shown(result).items() if value is not None}
    if params.get("ContentEncoding", "Base64").lower() == "plaintext":
        fields["Output"] = base64.b64decode(result["Output"]).decode(errors="replace")
    return fields


def _row(result: Doc, output: bool, params: Params) -> Doc:
    full = _encoded(result, params)
    names = ("InstanceId", "InvocationStatus", "StartTime", "StopTime", "ExitCode", "ErrorCode", "ErrorInfo", "Dropped", "Repeats")
    row = {name: full[name] for name in names if name in full}
    row |= {"InstanceInvokeStatus": result["InvokeRecordStatus"], "FinishTime": result["FinishedTime"], "Timed": False}
    return {**row, "Output": full["Output"]} if output else row
