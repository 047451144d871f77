"""Who is calling the API, and what the caller may do."""

from __future__ import annotations

import pytest

from shared.domain.caller import Caller, Trust, normalized_caller_name
from shared.domain.errors import Refused
from shared.domain.roles import MAY, AccessRules, Grant, Role, authorize, caller_roles, parse_grants, parse_minimum_trust

ANN = Caller("ann")
ZHANG = Caller("张三", Trust.VERIFIED, "https://id.test", "1001", {"groups": ("sre", "leads"), "sub": ("1001",)})


@pytest.mark.parametrize("name", ["ann", "张三", "Ж. Иванова", "محمد", "O'Neil", "a" * 64, "张" * 64, "ann@corp.example", "100%"])
def test_takes_a_name_in_any_script(name: str) -> None:
    assert normalized_caller_name(name, "h") == name


def test_two_spellings_of_one_letter_are_one_name() -> None:
    assert normalized_caller_name("Jose\u0301", "h") == "José"


@pytest.mark.parametrize(
    "name", ["", "  ", "a" * 65, "a\x1b[31m", "a\nb", "\u202eann", "a\u200bb", "\ufeff", "\x00", "\u0301a", "a\u2028b", "\ud800"]
)
def test_refuses_what_is_no_visible_name(name: str) -> None:
    with pytest.raises(Refused) as refused:
        normalized_caller_name(name, "the header")
    assert refused.value.code == "Operator.Invalid"


def test_persons_are_told_apart_by_what_the_issuer_calls_them() -> None:
    renamed = Caller("Zhang San", Trust.VERIFIED, "https://id.test", "1001")
    assert ZHANG.identity == renamed.identity
    assert ZHANG.identity != Caller("张三").identity
    assert Caller("x", Trust.VERIFIED, "https://other.test", "1001").identity != ZHANG.identity


def test_without_roles_everybody_may_do_everything() -> None:
    for act in MAY:
        authorize(ANN, act, AccessRules())


def test_with_roles_who_is_not_named_may_only_look() -> None:
    access = AccessRules(grants=(Grant(Role.ADMIN, ("bob",)),))
    assert caller_roles(ANN, access) == {Role.VIEWER}
    for act in MAY:
        with pytest.raises(Refused) as refused:
            authorize(ANN, act, access)
        assert (refused.value.code, refused.value.status) == ("Role.Missing", 403)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (Role.OPERATOR, "submitBatch", "acknowledgeBatch"),
        (Role.APPROVER, "acknowledgeBatch", "submitBatch"),
        (Role.OPERATOR, "hold", "releaseHold"),
        (Role.APPROVER, "releaseHold", "retryMigration"),
    ],
)
def test_who_operates_does_not_approve(role: Role, may: str, may_not: str) -> None:
    access = AccessRules(grants=(Grant(role, ("ann",)),))
    authorize(ANN, may, access)
    with pytest.raises(Refused):
        authorize(ANN, may_not, access)


def test_a_grant_by_claim_needs_a_verified_token() -> None:
    access = AccessRules(grants=(Grant(Role.APPROVER, ("groups=leads",)),))
    assert Role.APPROVER in caller_roles(ZHANG, access)
    assert caller_roles(Caller("groups=leads"), access) == {Role.VIEWER}


def test_a_grant_holds_in_its_accounts_and_for_its_owners_only() -> None:
    access = AccessRules(grants=(Grant(Role.OPERATOR, ("*",), accounts=("1",), owners=("ann",)),))
    assert Role.OPERATOR in caller_roles(ANN, access, account="1", owner="ann")
    assert Role.OPERATOR not in caller_roles(ANN, access, account="2", owner="ann")
    assert Role.OPERATOR not in caller_roles(ANN, access, account="1", owner="bob")


def test_a_claimed_name_is_not_enough_where_tokens_can_be_verified() -> None:
    with pytest.raises(Refused) as refused:
        authorize(ANN, "hold", AccessRules(provider=True))
    assert (refused.value.code, refused.value.status) == ("Caller.NotVerified", 401)
    authorize(ZHANG, "hold", AccessRules(provider=True))
    authorize(ANN, "hold", AccessRules(provider=True, trust={"hold": Trust.CLAIMED}))
    authorize(ANN, "hold", AccessRules(provider=True, trust={"*": Trust.CLAIMED}))
    with pytest.raises(Refused):
        authorize(ANN, "hold", AccessRules(trust={"hold": Trust.VERIFIED}))


def test_reads_grants_and_trust() -> None:
    assert parse_grants([{"role": "admin", "who": ["张三"]}]) == (Grant(Role.ADMIN, ("张三",)),)
    assert parse_minimum_trust({"*": "claimed", "hold": "verified"}) == {"*": Trust.CLAIMED, "hold": Trust.VERIFIED}


@pytest.mark.parametrize(
    "given",
    [
        {},
        [1],
        [{}],
        [{"role": "king", "who": ["a"]}],
        [{"role": "admin", "who": []}],
        [{"role": "admin", "who": "a"}],
        [{"role": "admin", "who": ["a"], "where": []}],
        [{"role": "admin", "who": ["a"], "accounts": [1]}],
    ],
)
def test_says_what_is_wrong_with_grants(given: object) -> None:
    with pytest.raises(Refused, match=r"Roles\.Invalid"):
        parse_grants(given)


@pytest.mark.parametrize("given", [[], {"fly": "verified"}, {"hold": "maybe"}])
def test_says_what_is_wrong_with_trust(given: object) -> None:
    with pytest.raises(Refused, match=r"Roles\.Invalid"):
        parse_minimum_trust(given)


def test_a_minimum_trust_for_one_migration_holds_for_many() -> None:
    access = AccessRules(trust=parse_minimum_trust({"rollbackMigration": "verified", "*": "claimed"}))
    assert access.minimum_trust("rollbackBatch") is Trust.VERIFIED
    assert access.minimum_trust("cancelBatch") is Trust.CLAIMED
    own = AccessRules(trust=parse_minimum_trust({"rollbackMigration": "verified", "rollbackBatch": "claimed"}))
    assert own.minimum_trust("rollbackBatch") is Trust.CLAIMED
