"""ID tokens: which ones are believed, and what is read from them."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from registry.errors import CredentialsRejected
from vo_service.login.oidc import OidcProvider, OidcSettings
from vo_service.login.roles import GroupRoles

KEY, FOREIGN = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
SETTINGS = OidcSettings(
    "https://id.example.org", "photoz", "secret", "openid", "https://vo/cb", "nick", "isMemberOf"
)


def provider(**roles):
    made = OidcProvider(SETTINGS, GroupRoles(**roles))
    public = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    made._known = time.monotonic() + 180, {"issuer": SETTINGS.issuer}, public
    return made


def token(key=KEY, header=None, **changes):
    now = int(time.time())
    claims = {
        "iss": SETTINGS.issuer, "aud": "photoz", "sub": "7", "exp": now + 300, "iat": now,
        "nonce": "n",
    } | changes  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(header or {"alg": "RS256"}, claims, key, algorithms=["RS256", "HS256"])


def test_a_whole_token_is_believed():
    assert provider()._claims(token(), "n")["sub"] == "7"
    assert provider()._claims(token(aud=["photoz"], azp="photoz"), "n")["sub"] == "7"


NOW = int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"key": FOREIGN},
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"azp": "other"},
        {"sub": None},
        {"exp": NOW - 120},
        {"exp": None},
        {"iat": None},
        {"nonce": "other"},
        {"nonce": None},
        {"key": OctKey.import_key("x" * 32), "header": {"alg": "HS256"}},
    ],
)
def test_a_token_with_any_fault_is_refused(changes):
    with pytest.raises(CredentialsRejected):
        provider()._claims(token(**changes), "n")


def unsigned():
    header = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{token().split('.')[1]}."


@pytest.mark.parametrize("text", [unsigned(), "", "x", "a.b.c", token()[:-3], token() + "x"])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(CredentialsRejected):
        provider()._claims(text, "n")


CLAIMS = {"iss": SETTINGS.issuer, "sub": "7", "nick": "Ada", "email": "a@x.org", "name": 3}


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        (None, None),
        (["a", "b c"], {"a", "b c"}),
        ("a b", {"a", "b"}),
        ([], set()),
        ({"a": 1}, None),
    ],
)
def test_groups_come_as_a_list_or_as_words(claim, groups):
    found = provider()._identity(CLAIMS | ({} if claim is None else {"isMemberOf": claim}))
    assert found.groups == groups
    assert (found.name, found.email, found.display_name) == ("Ada", "a@x.org", "")


def test_the_name_comes_from_the_claim_the_address_or_the_subject():
    def name(**changes):
        claims = {k: v for k, v in (CLAIMS | changes).items() if v is not None}
        return provider()._identity(claims).name

    assert name(nick=None) == "a"
    assert name(nick=None, email=None) == "7"


def test_roles_follow_from_groups_where_rules_say_so():
    made = provider(operators=frozenset({"ops"}))
    found = made._identity(CLAIMS | {"isMemberOf": ["ops"]})
    assert (found.operator, found.coordinator) == (True, None)
    assert made._identity(CLAIMS).operator is False
    strict = provider(required=frozenset({"survey"}))
    with pytest.raises(CredentialsRejected, match="none of the groups"):
        strict._identity(CLAIMS)
