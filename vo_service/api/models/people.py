"""Documents about people: users, tokens, who is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from vo_service.api.models.base import Answer, Sent

__all__ = [
    "Environment",
    "LoggedUser",
    "NewToken",
    "ObtainedToken",
    "PasswordLogin",
    "TokenAnswer",
    "TokenRequest",
    "UserAnswer",
]


class UserAnswer(Answer):
    """A user, as every member sees them."""

    id: int
    username: str
    first_name: str
    last_name: str
    display_name: str


class LoggedUser(Answer):
    """Who asks; `username` is the name for people, `is_admin` that of a coordinator."""

    username: str
    is_admin: bool


class PasswordLogin(Sent):
    """A user name and a password."""

    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class ObtainedToken(Answer):
    """A token: it is shown this once."""

    token: str


class TokenRequest(Sent):
    """A token that is wanted; `expires` is a moment with its time zone."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    expires: AwareDatetime | None = None


class TokenAnswer(Answer):
    """A token of the caller, without its secret."""

    id: int
    name: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None


class NewToken(TokenAnswer):
    """A new token; the secret is shown this once."""

    token: str


class Environment(Answer):
    """Which installation this is; the spelling is the contract's."""

    enviroment_name: str
    is_dev: bool
