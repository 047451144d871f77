"""The API answers in Chinese to who asks for it: sentences with their parts, and nothing that a person or a service has said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.migration import State
from shared.runtime.sentences import LONGEST, Catalogue, Sentence
from shared.runtime.translation import catalogue, chinese_text, preferred_language, translated_answer
from tests.support.api import ApiInMemory, migration


@pytest.mark.parametrize(
    ("english", "wanted"),
    [
        ("There is no batch b9.", "没有批次 b9。"),
        ("Batch b1 is closed; it cannot be paused.", "批次 b1 已关闭，无法变为已暂停。"),
        ("a person: confirm it, or roll it back", "由人操作：确认或回滚"),
        # The longer sentence has more words of the text, and still is not the right one.
        (
            "wave 2 has not begun: wave 1 has ended and soaks until 2026-01-01 10:00 UTC",
            "波次 2 尚未开始：波次 1 已结束，观察期到 2026-01-01 10:00 UTC",
        ),
        (
            "1 of 2 persons approved it; 1 expired. To approve it: replank approve b1 --wave 2",
            "2 人中已有 1 人批准；1 个已过期。批准方法：replank approve b1 --wave 2",
        ),
        ("3 migrations failed (m1, m2, m3 and 4 more), the budget is 2", "3 个迁移失败（m1、m2、m3 等另外 4 个），失败预算为 2"),
        (
            "policy.windows[0].zone: must be an IANA time zone, such as Europe/London.",
            "policy.windows[0].zone：必须是IANA 时区，例如 Europe/London。",
        ),
        ("Could not check whether the instance has a slot for the transit disk", "无法检查：实例有可挂载中转盘的槽位"),
        (
            "/ has 100 MiB, 250 MiB needed for /usr; /boot has 10 MiB, 100 MiB needed for /boot",
            "/ 有 100 MiB，/usr 需要 250 MiB；/boot 有 10 MiB，/boot 需要 100 MiB",
        ),
        ("at least 3 other batches may start migrations", "另有至少 3 个批次可能启动迁移"),
        ("The job was not finished within 2 hours.", "任务在 2 小时内未完成。"),
        ("next automatic snapshot 2026-12-01 10:00 UTC, in 47 hours", "下一次自动快照在 2026-12-01 10:00 UTC，47 小时后"),
        ("is released 2026-12-01 10:00 UTC, in 30 minutes", "释放时间 2026-12-01 10:00 UTC，30 分钟后"),
        ("2026-12-01, in 3 days", "2026-12-01，3 天后"),
        ("retry after Job.TimedOut", "重试，此前失败于 Job.TimedOut"),
        ("The recipe from centos-7 to anolis-8 is off.", "从 centos-7 到 anolis-8 的配方未启用。"),
    ],
)
def test_a_sentence_is_translated_with_its_parts(english: str, wanted: str) -> None:
    assert chinese_text(english) == wanted


def test_a_sentence_of_a_service_keeps_the_space_after_it() -> None:
    ours = "SMC has not rolled the disks back: it runs, and the data that was written while the job ran is still there."
    assert chinese_text(f"No repository answers. {ours}").startswith("No repository answers. SMC 没有回滚磁盘：")
    assert chinese_text(f"{ours} No repository answers.").endswith("数据仍在。No repository answers.")


def test_the_words_of_a_person_stay_beside_the_sentence() -> None:
    told = chinese_text(
        "the batch is paused by ann since 2026-01-01 10:00 UTC: storm in the city. To resume the batch: replank resume b1"
    )
    assert told == "批次已暂停，操作人 ann，自 2026-01-01 10:00 UTC 起：storm in the city。恢复批次：replank resume b1"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Please call the owner on Monday",
        "The license of the disk is on the way",
        "已经是中文",
        "a of b on c is d e f",
        "x" * (LONGEST + 1),
        "paused",
    ],
)
def test_what_the_catalogue_does_not_know_stays_as_it_is(words: str) -> None:
    assert chinese_text(words) == words


@pytest.mark.parametrize(
    "text",
    [
        "a is b; " * 180,
        "wave 1 has ended: " * 80,
        ": " * 700,
        "Could not check whether " * 60,
        "d is e f has g of h in i to j; " * 45,
    ],
)
def test_no_text_takes_long(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = list[int](), Sentence.changing_parts

    def counted(self: Sentence, given: str) -> object:
        looks.append(1)
        return look(self, given)

    monkeypatch.setattr(Sentence, "changing_parts", counted)
    catalogue().translate(text[:LONGEST])
    assert len(looks) < 20_000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_words_of_a_person_are_not_translated(language: str) -> None:
    policy = {"policy": {"blackouts": [{"reason": "Freeze on Friday"}]}, "selection": {"tags": ["The hold"]}}
    hold = {"held": True, "reason": "The hold"}
    assert [translated_answer(each, language) for each in (policy, hold)] == [policy, hold]


def test_a_weak_sentence_does_not_match_plain_words() -> None:
    assert [chinese_text(each) for each in ("Freeze on Friday", "End of quarter")] == ["Freeze on Friday", "End of quarter"]


def test_a_weak_sentence_takes_only_ids_and_known_parts() -> None:
    known = Catalogue({"{} on {}": "{2} 上的 {1}", "the disk": "磁盘"}, {"open": "打开"})
    texts = ("ext4 on /data", "open on d-1", "the disk on d-1", "come back on Monday")
    assert [known.translate(each) for each in texts] == ["/data 上的 ext4", "d-1 上的 打开", "d-1 上的 磁盘", texts[-1]]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.5", "en"),
        ("zh;q=0.3, en;q=0.2", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=x", "en"),
        ("fr, *;q=0.1", "en"),
        ("", "en"),
        (",;,", "en"),
    ],
)
def test_the_language_is_the_one_that_the_reader_likes_best(header: str, language: str) -> None:
    assert preferred_language(header) == language


def test_only_sentences_are_translated_and_not_what_a_person_gave_as_reason() -> None:
    answer = {
        "state": "closed",
        "heldBack": "every slot is taken",
        "brake": {"by": "ann", "why": "every slot is taken", "state": "paused"},
        "findings": [{"why": "Roll back.", "code": "A.B", "remedy": "Nothing to do."}],
        "limits": ["every slot is taken", "mine"],
        "policy": {"check": "every slot is taken", "title": 5},
    }
    found = translated_answer(answer, "zh")
    assert found == {
        **answer,
        "heldBack": "所有名额都被占用",
        "findings": [{"why": "请回滚。", "code": "A.B", "remedy": "无需操作。"}],
        "limits": ["所有名额都被占用", "mine"],
    }
    assert translated_answer(answer, "en") is answer


def asked(path: str, language: str = "", method: str = "GET", **headers: str) -> tuple[dict[str, Any], Any]:
    api = ApiInMemory()
    api.open_batch(migration("m1", State.MIGRATED))
    request = api.request(method, path)
    request["headers"] |= {**({"Accept-Language": language} if language else {}), **headers}
    answer = api.answered(request)
    return answer, json.loads(answer["body"]) if answer["body"] else None


def test_the_api_answers_in_the_readers_language() -> None:
    (english, plain), (chinese_, found) = asked("/migrations/m1"), asked("/migrations/m1", "zh-CN")
    assert (plain["waitsFor"], found["waitsFor"]) == ("a person: confirm it, or roll it back", "由人操作：确认或回滚")
    assert {**found, "waitsFor": ""} == {**plain, "waitsFor": ""}
    assert english["headers"]["ETag"] != chinese_["headers"]["ETag"]
    assert "Accept-Language" in english["headers"]["Vary"]
    tag = chinese_["headers"]["ETag"]
    assert asked("/migrations/m1", "zh-CN", **{"If-None-Match": tag})[0]["statusCode"] == 304
    assert asked("/migrations/m1", "en", **{"If-None-Match": tag})[0]["statusCode"] == 200


def test_a_refusal_has_its_code_and_speaks_the_readers_language() -> None:
    answer, body = asked("/nowhere", "zh-CN")
    assert (answer["statusCode"], body["Code"]) == (404, "Route.NotFound")
    assert (body["Message"], body["Recommend"]) == ("API 没有此路径。", "GET /openapi.json 列出了所有路径。")


def test_the_description_of_the_api_is_the_same_in_every_language() -> None:
    assert asked("/openapi.json", "zh-CN")[1] == asked("/openapi.json")[1]
