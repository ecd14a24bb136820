"""Accounts, credentials and releases on both databases: SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from argon2 import PasswordHasher
from sqlalchemy import text

from registry.accounts.attempts import LoginAttempts
from registry.accounts.credentials import CredentialService
from registry.accounts.passwords import Passwords, _hash_of_no_password
from registry.accounts.service import AccountService
from registry.errors import (
    AccountRejected,
    CredentialsRejected,
    GroupNotFound,
    LoginsExceeded,
    RegistryError,
    ReleaseNotFound,
    ReleaseRejected,
    ShareExceeded,
    TokenNotFound,
    UserDeactivated,
    UserNotFound,
)
from registry.host.counters import SharedCounters
from registry.host.places import Places
from registry.model.account import ExternalIdentity
from registry.model.principal import ANONYMOUS, OPERATOR, Principal
from registry.releases import ReleaseService
from registry.stores.metadata.accounts import SqlAccountStore
from registry.stores.metadata.credentials import SqlCredentialStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.migration import alembic_config
from registry.stores.metadata.releases import SqlReleaseStore

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
PASSWORD = "correct horse battery"


@pytest.fixture(params=BACKENDS)
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    return request.getfixturevalue("postgres_server").new_database()


@pytest.fixture
def database(url):
    opened = MetadataDatabase(url)
    opened.prepare()
    yield opened
    opened.close()


class Clock:
    """Tells whatever time it is set to."""

    def __init__(self):
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


class QuickPasswords(Passwords):
    """As in the service, but for what one hash costs."""

    def __init__(self):
        super().__init__()
        self._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        self._nobody = _hash_of_no_password(self._hasher)


PASSWORDS = QuickPasswords()


@pytest.fixture
def accounts(database):
    return AccountService(SqlAccountStore(database), PASSWORDS)


@pytest.fixture
def credentials(database, clock, tmp_path):
    return CredentialService(
        SqlCredentialStore(database),
        SqlAccountStore(database),
        PASSWORDS,
        LoginAttempts(3, 60, SharedCounters(tmp_path / "attempts")),
        Places(tmp_path / "passwords", "logins", total=2, per_visitor=1, wait_s=10),
        session_duration=timedelta(hours=1),
        clock=clock,
    )


@pytest.fixture
def releases(database):
    return ReleaseService(SqlReleaseStore(database))


# Users


def test_a_user_is_read_back_equal(accounts):
    made = accounts.add_user(
        "Ada.L@x", display_name="Ada 🚀", first_name="Ada", last_name="Lovelace", email="a@x.org",
        coordinator=True,
    )  # fmt: skip
    assert made.name == "ada.l@x"
    assert accounts.users() == [made] == [accounts.user("ADA.l@X")]
    assert accounts.principal_of("Ada.l@x") == Principal("ada.l@x", coordinator=True)


@pytest.mark.parametrize(
    "name", ["", "a:b", "operator", "Anonymous", "a b", "-a", "a/b", "é", "a" * 151]
)
def test_impossible_names_are_refused(accounts, name):
    with pytest.raises(AccountRejected):
        accounts.add_user(name)
    assert accounts.users() == []


def test_names_differ_in_more_than_case(accounts):
    accounts.add_user("ada")
    with pytest.raises(AccountRejected, match="'ada' already"):
        accounts.add_user("ADA")


def test_roles_and_texts_change_and_nothing_else(accounts):
    accounts.add_user("ada")
    changed = accounts.update_user("ada", operator=True, email="b@x.org")
    assert (changed.operator, changed.email) == (True, "b@x.org")
    for wrong in ({"active": False}, {"id": 1}, {"password_hash": "x"}, {"email": "x" * 255}):
        with pytest.raises(AccountRejected):
            accounts.update_user("ada", **wrong)
    with pytest.raises(UserNotFound, match="no user 'bob'"):
        accounts.update_user("bob", email="")


# Groups


def test_members_come_and_go(accounts):
    for name in ("ada", "bob"):
        accounts.add_user(name)
    accounts.add_group("team", "The team")
    for name in ("bob", "ada", "ada"):
        accounts.add_member("team", name)
    (group,) = accounts.groups()
    assert (group.display_name, group.source, group.members) == (
        "The team",
        "local",
        ("ada", "bob"),
    )
    assert accounts.principal_of("ada").groups == {"team"}
    accounts.remove_member("team", "ada")
    assert accounts.groups_of("ada") == frozenset()
    accounts.remove_group("team")
    assert accounts.groups() == []
    assert accounts.groups_of("bob") == frozenset()


def test_unknown_groups_and_members_are_named(accounts):
    accounts.add_user("ada")
    accounts.add_group("team")
    with pytest.raises(GroupNotFound, match="'tame'"):
        accounts.add_member("tame", "ada")
    with pytest.raises(UserNotFound, match="'adda'"):
        accounts.add_member("team", "adda")
    with pytest.raises(AccountRejected, match="already"):
        accounts.add_group("team")
    with pytest.raises(AccountRejected):
        accounts.add_group("a\nb")


# Tokens


def test_a_token_says_whose_it_is_with_the_rights_of_now(accounts, credentials):
    accounts.add_user("ada")
    token, secret = credentials.create_token("ADA", "notebook")
    assert len(secret) == 40
    assert credentials.authenticate_token(secret) == Principal("ada")
    accounts.add_group("team")
    accounts.add_member("team", "ada")
    accounts.update_user("ada", coordinator=True)
    assert credentials.authenticate_token(secret) == Principal(
        "ada", frozenset({"team"}), coordinator=True
    )
    assert [t.name for t in credentials.tokens("ada")] == [token.name]


def test_secrets_are_nowhere_in_the_database(accounts, credentials, database):
    accounts.add_user("ada", password=PASSWORD)
    secrets = [credentials.create_token("ada", "a")[1]]
    session = credentials.open_session("ada")
    secrets += [session.secret, PASSWORD]
    state = credentials.begin_external_login("nonce", "verifier", "/")
    secrets.append(state)
    with database.reading() as connection:
        rows = [
            str(tuple(row))
            for name in ("users", "tokens", "sessions", "external_logins")
            for row in connection.execute(text(f"SELECT * FROM {name}"))
        ]
    assert len(rows) == 4
    for secret in secrets:
        assert not any(secret in row for row in rows)


@pytest.mark.parametrize("secret", ["", "0" * 40, "x", "' OR 1=1 --", "é" * 40])
def test_tokens_that_nobody_has_are_refused(credentials, secret):
    with pytest.raises(CredentialsRejected):
        credentials.authenticate_token(secret)


def test_tokens_expire(accounts, credentials, clock):
    accounts.add_user("ada")
    _, secret = credentials.create_token("ada", "short", clock.now + timedelta(hours=1))
    clock.now += timedelta(minutes=59)
    credentials.authenticate_token(secret)
    clock.now += timedelta(minutes=1)
    with pytest.raises(CredentialsRejected, match="expired"):
        credentials.authenticate_token(secret)
    with pytest.raises(AccountRejected, match="past"):
        credentials.create_token("ada", "late", clock.now)
    # The name is free again.
    credentials.create_token("ada", "short")


def test_revoked_and_replaced_tokens_are_worthless_and_others_are_not(accounts, credentials):
    accounts.add_user("ada")
    accounts.add_user("bob")
    (first, a), (_, b) = (credentials.create_token("ada", name) for name in ("a", "b"))
    _, c = credentials.create_token("bob", "a")
    for which in ("nope", 99):
        with pytest.raises(TokenNotFound):
            credentials.revoke_token("ada", which)
    with pytest.raises(TokenNotFound):
        credentials.revoke_token("bob", first.id)
    with pytest.raises(AccountRejected, match="already"):
        credentials.create_token("ada", "b")
    credentials.revoke_token("ada", first.id)
    _, new = credentials.replace_token("ada", "b")
    for gone in (a, b):
        with pytest.raises(CredentialsRejected):
            credentials.authenticate_token(gone)
    assert credentials.authenticate_token(new) == Principal("ada")
    assert credentials.authenticate_token(c) == Principal("bob")


def test_use_is_recorded_coarsely(accounts, credentials, clock):
    accounts.add_user("ada")
    _, secret = credentials.create_token("ada", "a")
    assert credentials.tokens("ada")[0].last_used is None
    first = clock.now
    for minutes, expected in ((0, 0), (30, 0), (29, 0), (1, 60)):
        clock.now += timedelta(minutes=minutes)
        credentials.authenticate_token(secret)
        assert credentials.tokens("ada")[0].last_used == first + timedelta(minutes=expected)


def test_a_deactivated_user_has_no_way_in(accounts, credentials):
    accounts.add_user("ada", password=PASSWORD)
    _, secret = credentials.create_token("ada", "a")
    session = credentials.open_session("ada")
    accounts.deactivate("ada")
    with pytest.raises(CredentialsRejected):
        credentials.authenticate_token(secret)
    with pytest.raises(CredentialsRejected):
        credentials.authenticate_password("ada", PASSWORD)
    assert credentials.session(session.secret) is None
    with pytest.raises(UserDeactivated, match="'ada' is deactivated"):
        accounts.principal_of("ada")
    accounts.activate("ada")
    assert credentials.authenticate_password("ada", PASSWORD) == Principal("ada")
    # What was taken away stays away.
    with pytest.raises(CredentialsRejected):
        credentials.authenticate_token(secret)


# Passwords


def test_a_hash_of_the_service_costs_what_the_rfc_says():
    passwords = Passwords()
    stored = passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(PASSWORD, stored)
    assert not passwords.matches("wrong password", stored)
    assert not passwords.matches(PASSWORD, None)


def test_a_new_password_counts_at_once_and_logs_browsers_out(accounts, credentials):
    accounts.add_user("ada", password=PASSWORD)
    session = credentials.open_session("ada")
    for _ in range(2):
        assert credentials.authenticate_password(" ADA ", PASSWORD) == Principal("ada")
    accounts.set_password("ada", "another long one")
    with pytest.raises(CredentialsRejected):
        credentials.authenticate_password("ada", PASSWORD)
    assert credentials.session(session.secret) is None
    assert credentials.authenticate_password("ada", "another long one")


@pytest.mark.parametrize("password", ["short", "", "x" * 1025, "0123456789" * 4])
def test_passwords_that_cannot_be_are_refused(accounts, password):
    with pytest.raises(AccountRejected):
        accounts.add_user("ada", password=password)
    assert accounts.users() == []


def test_unknown_users_and_wrong_passwords_are_answered_alike(accounts, credentials):
    accounts.add_user("ada", password=PASSWORD)
    accounts.add_user("tokens-alone")
    said = set()
    for name in ("ada", "nobody", "tokens-alone", "a:b", "", "a\x00"):
        with pytest.raises(CredentialsRejected) as refused:
            credentials.authenticate_password(name, "wrong password")
        said.add(str(refused.value))
    assert len(said) == 1


def test_after_some_wrong_passwords_none_is_looked_at(accounts, credentials):
    accounts.add_user("ada", password=PASSWORD)
    for _ in range(3):
        with pytest.raises(CredentialsRejected):
            credentials.authenticate_password("ada", "wrong", "192.0.2.1")
    with pytest.raises(LoginsExceeded) as refused:
        credentials.authenticate_password("ada", PASSWORD, "192.0.2.1")
    assert 0 < refused.value.retry_after_s <= 60
    # From elsewhere the owner still comes in.
    assert credentials.authenticate_password("ada", PASSWORD, "192.0.2.2") == Principal("ada")


def test_many_wrong_passwords_at_once_are_few_computations(accounts, credentials, monkeypatch):
    accounts.add_user("ada", password=PASSWORD)
    running, most, lock = set(), [], threading.Lock()
    looked_at = PASSWORDS.matches

    def matches(password, stored):
        with lock:
            running.add(threading.get_ident())
            most.append(len(running))
        try:
            return looked_at(password, stored)
        finally:
            with lock:
                running.discard(threading.get_ident())

    monkeypatch.setattr(PASSWORDS, "matches", matches)

    def wrong(number):
        try:
            credentials.authenticate_password("ada", f"wrong {number}", "192.0.2.1")
        except RegistryError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(200) as pool:
        refused = Counter(pool.map(wrong, range(200)))
    assert refused[CredentialsRejected] == 3
    assert set(refused) <= {CredentialsRejected, LoginsExceeded, ShareExceeded}
    assert (len(most), max(most)) == (3, 1)
    assert credentials.authenticate_password("ada", PASSWORD, "192.0.2.2") == Principal("ada")


def test_a_password_sent_often_is_looked_at_once(accounts, credentials, monkeypatch):
    accounts.add_user("ada", password=PASSWORD)
    looked_at, asked = PASSWORDS.matches, []
    monkeypatch.setattr(PASSWORDS, "matches", lambda *of: asked.append(1) or looked_at(*of))
    with ThreadPoolExecutor(16) as pool:
        found = pool.map(lambda _: credentials.authenticate_password("ada", PASSWORD), range(50))
        assert set(found) == {Principal("ada")}
    assert len(asked) == 1
    accounts.deactivate("ada")
    with pytest.raises(CredentialsRejected):
        credentials.authenticate_password("ada", PASSWORD)


# Sessions


def test_a_session_ends_by_its_time_or_by_the_person(accounts, credentials, clock):
    accounts.add_user("ada")
    first, second = credentials.open_session("ada"), credentials.open_session("ada")
    found = credentials.session(first.secret)
    assert found is not None
    assert found == (Principal("ada"), first)
    credentials.close_session(first.secret)
    assert credentials.session(first.secret) is None
    assert credentials.session(second.secret) is not None
    clock.now += timedelta(hours=1)
    assert credentials.session(second.secret) is None
    assert credentials.session("nothing") is None


def test_a_login_under_way_is_taken_once_and_in_time(credentials, clock):
    state = credentials.begin_external_login("n", "v", "/next")
    assert credentials.take_external_login(state) == {
        "nonce": "n",
        "verifier": "v",
        "next": "/next",
    }
    late = credentials.begin_external_login("n", "v", "/")
    clock.now += timedelta(minutes=10)
    for gone in (state, late, "never"):
        with pytest.raises(CredentialsRejected):
            credentials.take_external_login(gone)


# Institutional logins


def person(**changes):
    values = {
        "source": "oidc",
        "issuer": "https://id.example.org",
        "subject": "7",
        "name": "Ada",
        "groups": frozenset({"survey", "staff"}),
    }
    return ExternalIdentity(**values | changes)


def test_a_login_follows_the_groups_of_the_institution_and_no_others(accounts):
    user = accounts.external_login(person(email="a@x.org"))
    assert (user.name, user.email) == ("ada", "a@x.org")
    accounts.add_group("kept")
    accounts.add_member("kept", "ada")
    accounts.add_member("oidc:staff", "ada")
    assert accounts.external_login(person(groups=frozenset({"new"}))).id == user.id
    # What an operator gave stays, also in a group of the institution.
    assert accounts.groups_of("ada") == {"oidc:new", "kept", "oidc:staff"}
    accounts.external_login(person(groups=None))
    assert accounts.groups_of("ada") == {"oidc:new", "kept", "oidc:staff"}
    accounts.external_login(person(groups=frozenset()))
    assert accounts.groups_of("ada") == {"kept", "oidc:staff"}
    assert {g.name: g.source for g in accounts.groups()} == {
        "kept": "local",
        "oidc:new": "oidc",
        "oidc:staff": "oidc",
        "oidc:survey": "oidc",
    }


def test_a_group_of_an_institution_is_never_the_local_group_of_its_name(accounts):
    for name in ("survey", "Survey", "oidc:", "proxy:survey"):
        accounts.add_group(name)
    accounts.external_login(person(groups=frozenset({"survey", "Survey", ":", "proxy:survey"})))
    local = {group.name for group in accounts.groups() if group.source == "local"}
    assert not accounts.groups_of("ada") & local


def test_groups_that_cannot_be_are_left_out(accounts):
    odd = {"", " ", "x" * 1000, "a\nb", "\ud800", *(f"g{n}" for n in range(2000))}
    accounts.external_login(person(groups=frozenset(odd)))
    assert len(accounts.groups_of("ada")) == 500


def test_logins_never_use_up_the_tokens(accounts, credentials, clock):
    accounts.add_user("ada")
    _, used = credentials.login_token("ada", "password login", timedelta(days=90))
    for _ in range(120):
        clock.now += timedelta(hours=2)
        assert credentials.authenticate_token(used) == Principal("ada")
        _, last = credentials.login_token("ada", "password login", timedelta(days=90))
    assert len(credentials.tokens("ada")) == 20
    assert credentials.authenticate_token(last) == Principal("ada")
    for number in range(80):
        credentials.create_token("ada", f"mine {number}")
    with pytest.raises(AccountRejected, match="100 tokens"):
        credentials.create_token("ada", "one more")
    assert credentials.login_token("ada", "login", timedelta(days=1))


def test_an_institution_never_opens_an_account_that_is_not_its_own(accounts):
    accounts.add_user("ada", email="a@x.org", operator=True)
    user = accounts.external_login(person(email="a@x.org"))
    assert (user.name, user.operator) == ("ada2", False)
    other = accounts.external_login(person(issuer="https://other.example.org"))
    assert other.name == "ada3"


def test_roles_follow_groups_where_these_say_something(accounts):
    assert accounts.external_login(person(operator=True)).operator
    assert accounts.external_login(person()).operator
    assert not accounts.external_login(person(operator=False)).operator


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("Ada Lovelace", "ada_lovelace"), ("Zoë", "zoe"), ("", "user"), ("operator", "user"),
     ("日本", "user"), ("a:b/c", "a_b_c"), ("@x", "x")],
)  # fmt: skip
def test_any_name_of_an_institution_makes_a_user_name(accounts, wanted, name):
    assert accounts.external_login(person(name=wanted)).name == name


def test_a_deactivated_person_stays_out(accounts):
    accounts.external_login(person())
    accounts.deactivate("ada")
    with pytest.raises(UserDeactivated):
        accounts.external_login(person())


# Releases


def test_a_release_is_read_back_equal(accounts, releases):
    accounts.add_group("team")
    made = releases.add(
        "dp1", display_name="DP1", description="D", indexing_column="objectId", has_mag_hats=True,
        dereddening=[{"name": "sfd", "display_name": "SFD"}], groups=["team", "team"],
    )  # fmt: skip
    assert releases.releases(OPERATOR) == [made]
    assert releases.release(OPERATOR, made.id) == made
    assert (made.groups, made.has_flux_hats, made.is_public) == ({"team"}, True, False)
    changed = releases.update("dp1", groups=[], is_public=True, fluxes=None)
    assert (changed.groups, changed.is_public) == (frozenset(), True)


def test_rights_change_with_a_release_in_every_process(accounts, releases, database):
    other = ReleaseService(SqlReleaseStore(database))
    accounts.add_group("team")
    assert not other.policy().may_see_release(ANONYMOUS, "dp1")
    releases.add("dp1", is_public=True)
    assert other.policy().may_see_release(ANONYMOUS, "dp1")
    releases.update("dp1", is_public=False, groups=["team"])
    policy = other.policy()
    assert other.policy() is policy
    assert not policy.may_see_release(Principal("bob"), "dp1")
    assert policy.may_see_release(Principal("bob", frozenset({"team"})), "dp1")
    with pytest.raises(ReleaseNotFound, match="no release 'dp1'"):
        other.release(Principal("bob"), "dp1")


def test_the_last_group_of_a_release_stays(accounts, releases):
    for name in ("team", "more"):
        accounts.add_group(name)
    releases.add("dp1", groups=["team", "more"])
    accounts.remove_group("more")
    with pytest.raises(AccountRejected, match="only group of a release"):
        accounts.remove_group("team")
    assert releases.policy().releases["dp1"].groups == {"team"}


def test_values_that_a_release_cannot_have_are_refused(releases):
    releases.add("dp1")
    with pytest.raises(ReleaseRejected, match="already"):
        releases.add("dp1")
    with pytest.raises(GroupNotFound):
        releases.add("dp2", groups=["nobody"])
    for wrong in ({"is_public": "yes"}, {"fluxes": ["x"]}, {"color": 1}, {"display_name": None}):
        with pytest.raises(ReleaseRejected):
            releases.update("dp1", **wrong)
    for name in ("", "a\nb", "x" * 256):
        with pytest.raises(ReleaseRejected):
            releases.add(name)
    with pytest.raises(ReleaseNotFound):
        releases.update("dp2", is_public=True)
    assert [r.name for r in releases.releases(OPERATOR)] == ["dp1"]


# Migration


def test_releases_that_products_name_stay_open_to_everybody(url):
    database = MetadataDatabase(url)
    config = alembic_config()
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, release in ((1, "DR1"), (2, "DR1"), (3, None)):
            connection.execute(
                text(
                    "INSERT INTO products (internal_name, display_name, product_type, release,"
                    " status, official, created, updated) VALUES (:name, 'x', 'other', :release,"
                    " 1, :no, '2026-01-01', '2026-01-01')"
                ),
                {"name": f"{number}_x", "release": release, "no": False},
            )
    database.prepare()
    found = ReleaseService(SqlReleaseStore(database)).releases(ANONYMOUS)
    assert [(r.name, r.is_public) for r in found] == [("DR1", True)]
    database.close()
