"""The truth table of rights: every kind of product, every kind of caller."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from registry.access import AccessPolicy, ReleaseAccess
from registry.errors import (
    LoginRequired,
    NotAllowed,
    ProductNotFound,
    ProductRefused,
    ReleaseNotFound,
)
from registry.model.principal import ANONYMOUS, OPERATOR, Principal
from registry.model.product import ProductStatus, ProductVisibility

CALLERS = {
    "anonymous": ANONYMOUS,
    "other": Principal("otto", frozenset({"elsewhere"})),
    "member": Principal("mia", frozenset({"team", "elsewhere"})),
    "owner": Principal("ada"),
    "coordinator": Principal("cora", coordinator=True),
    "operator": OPERATOR,
    "owning coordinator": Principal("ada", coordinator=True),
}
RELEASES = {
    "open": ReleaseAccess("open", True),
    "open with groups": ReleaseAccess("open with groups", True, frozenset({"team"})),
    "signed-in": ReleaseAccess("signed-in", False),
    "team": ReleaseAccess("team", False, frozenset({"team", "others"})),
}
PUBLISHED, DELETED = ProductStatus.PUBLISHED, ProductStatus.DELETED
PENDING = (ProductStatus.REGISTERING, ProductStatus.PROCESSING, ProductStatus.FAILED)


@dataclass(frozen=True)
class Product:
    status: ProductStatus = PUBLISHED
    release: str | None = None
    official: bool = False
    owner: str | None = "ada"
    internal_name: str = "7_a_set"
    visibility: ProductVisibility = ProductVisibility.RELEASE
    groups: frozenset[str] = frozenset()


# Who sees a product, in the order of CALLERS: anonymous, other, member of "team", owner,
# coordinator, operator, owner who is coordinator. `a` is: anonymous visitors may read.
SEEN = [
    # status, release, official, who
    (PUBLISHED, None, False, "a111111"),
    (PUBLISHED, None, True, "a111111"),
    (PUBLISHED, "open", False, "a111111"),
    (PUBLISHED, "open with groups", False, "a111111"),
    (PUBLISHED, "signed-in", False, "0111111"),
    (PUBLISHED, "signed-in", True, "0111111"),
    (PUBLISHED, "team", False, "0011011"),
    (PUBLISHED, "team", True, "0011111"),
    (PUBLISHED, "not known", False, "0001011"),
    (PUBLISHED, "not known", True, "0001111"),
    *((status, None, False, "0001011") for status in PENDING),
    *((status, None, True, "0001111") for status in PENDING),
    *((status, "open", False, "0001011") for status in PENDING),
    *((status, "team", True, "0001111") for status in PENDING),
    (DELETED, None, False, "0000010"),
    (DELETED, "open", True, "0000010"),
]


CHOSEN = [
    # visibility, groups, release, official, who; the order of callers is that of SEEN
    ("members", "", None, False, "0111111"),
    ("members", "", "open", False, "0111111"),
    ("members", "", "team", False, "0011011"),
    ("members", "", "not known", False, "0001011"),
    ("groups", "team", None, False, "0011011"),
    ("groups", "team", None, True, "0011111"),
    ("groups", "team elsewhere", None, False, "0111011"),
    ("groups", "elsewhere", "team", False, "0011011"),
    ("groups", "gone", None, False, "0001011"),
    ("groups", "", None, False, "0001011"),
    ("owner", "", None, False, "0001011"),
    ("owner", "", "open", False, "0001011"),
]


@pytest.mark.parametrize(("visibility", "groups", "release", "official", "who"), CHOSEN)
def test_who_sees_a_product_that_is_not_for_everybody(visibility, groups, release, official, who):
    policy = AccessPolicy(True, RELEASES)
    chosen = ProductVisibility(visibility)
    product = Product(PUBLISHED, release, official, visibility=chosen,
                      groups=frozenset(groups.split()))  # fmt: skip
    seen = "".join(str(int(policy.may_see(each, product))) for each in CALLERS.values())
    assert seen == who


@pytest.mark.parametrize(
    ("caller", "product", "field"),
    [
        ("operator", Product(official=True, visibility=ProductVisibility.OWNER), "visibility"),
        ("operator", Product(visibility=ProductVisibility.GROUPS), "groups"),
        ("operator", Product(groups=frozenset({"team"})), "groups"),
        (
            "other",
            Product(visibility=ProductVisibility.GROUPS, groups=frozenset({"team"})),
            "groups",
        ),
    ],
)
def test_what_no_visibility_can_be_is_refused(caller, product, field):
    with pytest.raises(ProductRefused) as refused:
        AccessPolicy().require_visibility(CALLERS[caller], product)
    assert refused.value.field == field


def test_groups_that_were_named_before_stay():
    named = Product(visibility=ProductVisibility.GROUPS, groups=frozenset({"team"}))
    policy = AccessPolicy()
    policy.require_visibility(CALLERS["other"], named, frozenset({"team"}))
    policy.require_visibility(CALLERS["member"], named)
    policy.require_visibility(CALLERS["coordinator"], named)


@pytest.mark.parametrize("anonymous_read", [True, False])
@pytest.mark.parametrize(("status", "release", "official", "who"), SEEN)
def test_who_sees_a_product(status, release, official, who, anonymous_read):
    policy = AccessPolicy(anonymous_read, RELEASES)
    product = Product(status, release, official)
    expected = who.replace("a", "1" if anonymous_read else "0")
    seen = "".join(str(int(policy.may_see(each, product))) for each in CALLERS.values())
    assert seen == expected
    for caller in CALLERS.values():
        if policy.may_see(caller, product):
            policy.require_see(caller, product)
        else:
            with pytest.raises(ProductNotFound, match="no product 'x'"):
                policy.require_see(caller, product, "x")


def test_the_table_has_every_status_and_every_kind_of_release():
    assert {row[0] for row in SEEN} == set(ProductStatus)
    assert {row[1] for row in SEEN} == {*RELEASES, None, "not known"}


@pytest.mark.parametrize(
    ("status", "official", "who"),
    [
        (PUBLISHED, False, "0001011"),
        (PUBLISHED, True, "0000111"),
        *((status, False, "0001011") for status in PENDING),
        *((status, True, "0000111") for status in PENDING),
        (DELETED, False, "0000010"),
        (DELETED, True, "0000010"),
    ],
)
def test_who_changes_and_withdraws_a_product(status, official, who):
    policy = AccessPolicy(True, RELEASES)
    product = Product(status, None, official)
    for caller, expected in zip(CALLERS.values(), who, strict=True):
        assert policy.may_edit(caller, product) == bool(int(expected))
        assert policy.may_delete(caller, product) == bool(int(expected))
        for require in (policy.require_edit, policy.require_delete):
            if expected == "1":
                require(caller, product)
                continue
            with pytest.raises((NotAllowed, ProductNotFound)) as refused:
                require(caller, product)
            # What may not be seen is not admitted by refusing it.
            assert isinstance(refused.value, NotAllowed) == policy.may_see(caller, product)


def test_products_of_nobody_belong_to_nobody():
    policy = AccessPolicy()
    pending = Product(ProductStatus.REGISTERING, owner=None)
    for caller in (ANONYMOUS, CALLERS["other"]):
        assert not policy.may_see(caller, pending)
        assert not policy.may_edit(caller, Product(owner=None))


@pytest.mark.parametrize(
    ("release", "who"),
    [
        ("open", "a111111"),
        ("open with groups", "a111111"),
        ("signed-in", "0111111"),
        ("team", "0010111"),
        ("not known", "0000000"),
    ],
)
@pytest.mark.parametrize("anonymous_read", [True, False])
def test_who_sees_and_uses_a_release(release, who, anonymous_read):
    policy = AccessPolicy(anonymous_read, RELEASES)
    expected = who.replace("a", "1" if anonymous_read else "0")
    for caller, seen in zip(CALLERS.values(), expected, strict=True):
        assert policy.may_see_release(caller, release) == bool(int(seen))
        may_use = seen == "1" and caller.user is not None
        assert policy.may_use_release(caller, release) == may_use
        if may_use:
            policy.require_use_release(caller, release)
        else:
            with pytest.raises((ReleaseNotFound, LoginRequired)):
                policy.require_use_release(caller, release)


@pytest.mark.parametrize(
    ("what", "who"),
    [
        ("upload", "0111111"),
        ("run", "0111111"),
        ("publish_official", "0000111"),
    ],
)
def test_who_may_do_what_depends_on_no_product(what, who):
    policy = AccessPolicy()
    for caller, expected in zip(CALLERS.values(), who, strict=True):
        assert getattr(policy, f"may_{what}")(caller) == bool(int(expected))
        require = getattr(policy, f"require_{what}")
        if expected == "1":
            require(caller)
        else:
            with pytest.raises(NotAllowed) as refused:
                require(caller)
            assert isinstance(refused.value, LoginRequired) == (caller is ANONYMOUS)


@pytest.mark.parametrize(("owner", "who"), [("ada", "0001011"), (None, "0000010")])
def test_who_may_stop_a_process(owner, who):
    policy = AccessPolicy()
    for caller, expected in zip(CALLERS.values(), who, strict=True):
        assert policy.may_stop(caller, owner) == bool(int(expected))
        if expected == "1":
            policy.require_stop(caller, owner)
        else:
            with pytest.raises(NotAllowed):
                policy.require_stop(caller, owner)


def test_publishing_needs_an_account_and_official_a_role():
    policy = AccessPolicy()
    policy.require_publish(CALLERS["other"], official=False)
    policy.require_publish(CALLERS["coordinator"], official=True)
    with pytest.raises(LoginRequired):
        policy.require_publish(ANONYMOUS, official=False)
    with pytest.raises(NotAllowed, match="official"):
        policy.require_publish(CALLERS["owner"], official=True)
