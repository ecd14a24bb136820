"""People: accounts, groups, access tokens and sessions, as records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["LOCAL", "ExternalIdentity", "Group", "Session", "Token", "User"]

LOCAL = "local"
"""Source of the groups and memberships that the operators keep; logins never change them."""


@dataclass(frozen=True, slots=True)
class User:
    """An account.

    Attributes
    ----------
    id
        Number, unique for ever.
    name
        By which the person logs in, lower case; it owns products and jobs.
    display_name, first_name, last_name, email
        Of the person; empty where unknown.
    active
        Whether the account may be used.
    coordinator, operator
        Roles: administers official products; administers everything.
    created
        UTC.
    """

    id: int
    name: str
    display_name: str
    first_name: str
    last_name: str
    email: str
    active: bool
    coordinator: bool
    operator: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """A set of people that releases may be opened to.

    Attributes
    ----------
    id, name
        Number and name, both unique.
    display_name, description
        For people.
    source
        Who made it: `LOCAL`, or the kind of institutional login.
    created
        UTC.
    members
        Names of the users in it, sorted.
    """

    id: int
    name: str
    display_name: str
    description: str
    source: str
    created: datetime
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, without its secret.

    Attributes
    ----------
    id
        Number, unique for ever.
    user
        Name of its owner.
    name
        By which the owner knows it; unique among the owner's.
    created, expires, last_used
        UTC; a token without `expires` is good until it is revoked. `last_used` is coarse.
    """

    id: int
    user: str
    name: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in.

    Attributes
    ----------
    secret
        Value of the cookie; only its hash is stored.
    user
        Name of the account.
    csrf
        What requests that change something must bring beside the cookie.
    expires
        UTC.
    """

    secret: str
    user: str
    csrf: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """Who somebody is, as an institution says.

    Attributes
    ----------
    source
        Kind of login, ``oidc`` or ``proxy``; marks the groups that it brings.
    issuer, subject
        Together they name the person, for ever.
    name
        A user name that the person would like.
    display_name, first_name, last_name, email
        Of the person; empty where unknown.
    groups
        That the institution says the person is in; absent where it says nothing of groups.
    coordinator, operator
        Roles that follow from the groups; absent where these say nothing of the role.
    """

    source: str
    issuer: str
    subject: str
    name: str
    display_name: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    groups: frozenset[str] | None = None
    coordinator: bool | None = None
    operator: bool | None = None
