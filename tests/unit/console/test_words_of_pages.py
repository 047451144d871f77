"""Chinese pages are Chinese, also where the API says one English word; and hops are counted as people count them."""

from __future__ import annotations

import re
from typing import Any

from tests.unit.console.test_console import ApiTable, ask

MOVED: dict[str, Any] = {
    "migrationId": "m1",
    "batchId": "b1",
    "instanceId": "i-1",
    "version": 4,
    "state": "migrated",
    "hop": 0,
    "hops": 2,
    "route": [{"source": "a", "destination": "b"}, {"source": "b", "destination": "c"}],
}
ROWS = [("Hostname", "none", "none"), ("Kernel", "3.10", "5.10"), ("Firewall", "none", "yes"), ("New aspect", "a.b", "x")]
REPORT = {
    "judgement": {"aspects": [{"what": what, "before": was, "after": now, "standing": "same"} for what, was, now in ROWS]},
    "snapshots": [{"snapshotId": "s-1", "diskId": "d-1", "state": "accomplished", "sizeGib": 40}],
    "journal": [{"at": "", "to": "snapshotting", "by": "snapshot", "reason": "admitted"}, {"to": "failed", "reason": "a. b"}],
}


def page(path: str, language: str, **answers: Any) -> str:
    api = ApiTable(**{"GET " + each: (200, answer) for each, answer in answers.items()})
    status, body, _ = ask(api, "GET", path, Accept_Language=language)
    assert status == 200, body
    return str(body).partition('<main id="main"')[2].partition("</main>")[0]


def migration(language: str) -> str:
    answers = {"/migrations/m1": MOVED, "/migrations/m1/report": REPORT, "/migrations": {"migrations": []}}
    return page("/console/migrations/m1", language, **answers)


def test_a_migration_says_every_word_in_the_readers_language_and_leaves_names_alone() -> None:
    body = migration("zh-CN")
    rows = [re.sub("<[^>]+>", "|", each) for each in re.findall(r'<th scope="row">(.*?)</tr>', body)]
    found = [[part for part in each.split("|") if part][:3] for each in rows]
    assert found[:4] == [["主机名", "none", "none"], ["内核", "3.10", "5.10"], ["防火墙", "无", "是"], ["New aspect", "a.b", "x"]]
    assert ("已获准开始" in body, "accomplished" in body, "a. b" in body) == (True, False, True)


def test_the_first_hop_is_number_one_and_is_the_step_under_way() -> None:
    assert "hop 1 of 2" in (body := migration("en"))
    assert re.search(r'<li aria-current="step"><bdi>a</bdi> → <bdi>b</bdi>', body)
    row = {**MOVED, "state": "migrating", "source": "CentOS 7.9", "routeEnd": "alinux-3"}
    began = {"at": "", "act": "next wave", "by": "watch", "why": "wave 3 begins"}
    standing = {"batchId": "b1", "version": 1, "state": "open", "journal": [began, {**began, "why": "a <b> c d"}]}
    answers = {"/batches/b1": standing, "/migrations": {"migrations": [row], "nextToken": ""}}
    body = page("/console/batches/b1", "zh-CN", **answers)
    assert all(each in body for each in ("CentOS 7.9 → alinux-3", "第 1/2 跳", "波次 3 开始", "a &lt;b&gt; c d"))


def test_the_audit_and_the_system_name_acts_and_states_in_words() -> None:
    line = {
        "at": "",
        "who": "ann",
        "act": "acknowledgeBatch",
        "target": "b1",
        "status": 200,
        "before": "open 2",
        "after": "failed 3",
    }
    body = page(
        "/console/audit", "zh-CN", **{"/audit": {"lines": [line, {**line, "act": "newAct", "before": ""}], "nextToken": ""}}
    )
    assert all(each in body for each in ('接受风险<br><code class="whole">acknowledgeBatch</code>', "newAct<br>"))
    assert re.search(r"进行中 2 →</span> <span[^>]*>失败 3<", body)
    me = {"name": "ann", "roles": ["admin"], "may": ["submitBatch", "hold"]}
    hold = {"held": False, "version": 1, "history": [{"at": "", "act": "hold", "by": "ann", "why": "x"}]}
    answers = {"/health": {"figures": []}, "/hold": hold, "/accounts": {"accounts": []}, "/stuck": {"stuck": []}, "/me": me}
    body = page("/console/system", "zh-CN", **answers)
    assert all(each in body for each in ("<dd>提交批次；全部暂停</dd>", "<strong>全部暂停</strong>"))
