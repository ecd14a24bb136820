"""Views about people: who is who, who asks, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from flask import Response

from registry.accounts.credentials import CredentialService
from registry.accounts.service import AccountService
from registry.errors import CredentialsRejected
from vo_service.api.blueprint.answers import answer, no_content
from vo_service.api.blueprint.bodies import arguments, read_body
from vo_service.api.blueprint.guard import Guard
from vo_service.api.errors import InvalidCredentials, NotFound
from vo_service.api.lists import Filter, ListRules, select
from vo_service.api.models.base import Page
from vo_service.api.models.people import (
    LoggedUser,
    NewToken,
    ObtainedToken,
    PasswordLogin,
    TokenAnswer,
    TokenRequest,
    UserAnswer,
)
from vo_service.api.operation import Access, operation
from vo_service.api.presentation import token_answer, user_answer
from vo_service.http.authentication import SESSION_COOKIE, Authentication

__all__ = ["PeopleViews"]

_OBTAINED_TOKEN_DAYS = 90
"""Life of a token for a password: long enough for a season's notebooks, and not for ever."""

_API_TOKEN = "api"  # noqa: S105 - the name of a token, not a secret
"""Name of the token that ``get_token`` replaces."""

_USERS = ListRules(
    (Filter("id", "NumberFilter"), Filter("username")),
    ("username", "first_name", "last_name", "display_name"),
    ("id", "username", "first_name", "last_name", "display_name"),
    "username",
    "User List",
)

_TOKENS = ListRules(
    (Filter("name"),), ("name",), ("id", "name", "created", "expires"), title="Token List"
)


@dataclass(frozen=True, slots=True)
class PeopleViews:
    """Views of users, of the caller, and of the caller's tokens."""

    tag: ClassVar[str] = "people"
    accounts: AccountService
    credentials: CredentialService
    authentication: Authentication
    guard: Guard

    @operation(
        "GET", "/users/", "List the users.",
        access=Access.MEMBER, answer=Page[UserAnswer], rules=_USERS,
        errors=(400, 404),
    )  # fmt: skip
    def list_users(self) -> Response:
        """List the users who may log in."""
        users = [user_answer(user) for user in self.accounts.users() if user.active]
        return answer(select(_USERS, users, arguments()))

    @operation(
        "GET", "/users/<int:user_id>/", "Show a user.",
        access=Access.MEMBER, answer=UserAnswer, errors=(404,),
    )  # fmt: skip
    def show_user(self, user_id: int) -> Response:
        """Show a user who may log in."""
        for user in self.accounts.users():
            if user.id == user_id and user.active:
                return answer(user_answer(user))
        raise NotFound("No User matches the given query.")

    @operation(
        "POST", "/obtain_token/", "Exchange a password for a token.",
        access=Access.PUBLIC, answer=ObtainedToken, body=PasswordLogin, errors=(400, 415),
    )  # fmt: skip
    def obtain_token(self) -> Response:
        """Make a token for a name and a password."""
        login, address = read_body(PasswordLogin), self.authentication.address()
        try:
            principal = self.credentials.authenticate_password(
                login.username, login.password, address
            )
        except CredentialsRejected as error:
            raise InvalidCredentials from error
        _, secret = self.credentials.login_token(
            str(principal.user), "password login", timedelta(days=_OBTAINED_TOKEN_DAYS)
        )
        return answer(ObtainedToken(token=secret))

    @operation(
        "POST", "/get_token/", "Make a new token of the name api, instead of the old one.",
        access=Access.MEMBER, answer=ObtainedToken,
    )  # fmt: skip
    def get_token(self) -> Response:
        """Replace the token that this route made before; the caller's others stay."""
        _, secret = self.credentials.replace_token(str(self.guard.principal().user), _API_TOKEN)
        return answer(ObtainedToken(token=secret))

    @operation("POST", "/logged_user/", "Tell who asks.", access=Access.MEMBER, answer=LoggedUser)
    def show_logged_user(self) -> Response:
        """Tell the name of the caller, and whether official products are theirs to make."""
        principal = self.guard.principal()
        user = self.accounts.user(str(principal.user))
        name = user.display_name or user.name
        admin = principal.coordinator or principal.operator
        return answer(LoggedUser(username=name, is_admin=admin))

    @operation(
        "GET", "/tokens/", "List the caller's tokens.",
        access=Access.MEMBER, answer=Page[TokenAnswer], rules=_TOKENS,
        errors=(400, 404),
    )  # fmt: skip
    def list_tokens(self) -> Response:
        """List the tokens without their secrets."""
        tokens = self.credentials.tokens(str(self.guard.principal().user))
        return answer(select(_TOKENS, [token_answer(token) for token in tokens], arguments()))

    @operation(
        "POST", "/tokens/", "Make a token.",
        access=Access.MEMBER, answer=NewToken, status=201, body=TokenRequest, errors=(400, 415),
    )  # fmt: skip
    def create_token(self) -> Response:
        """Make a token; its secret is shown this once."""
        wanted = read_body(TokenRequest)
        user = str(self.guard.principal().user)
        token, secret = self.credentials.create_token(user, wanted.name, wanted.expires)
        return answer(NewToken(**token_answer(token).model_dump(), token=secret), 201)

    @operation(
        "DELETE", "/tokens/<int:token_id>/", "Revoke a token.",
        access=Access.MEMBER, status=204, errors=(404,),
    )  # fmt: skip
    def revoke_token(self, token_id: int) -> Response:
        """Revoke one of the caller's tokens, at once and for ever."""
        self.credentials.revoke_token(str(self.guard.principal().user), token_id)
        return no_content()

    @operation(
        "POST", "/logout/", "End the session of a browser.", access=Access.PUBLIC, status=204
    )
    def log_out(self) -> Response:
        """End the session whose cookie was sent, if there is one."""
        session = self.authentication.session()
        if session is not None:
            self.credentials.close_session(session.secret)
        response = no_content()
        response.delete_cookie(SESSION_COOKIE)
        return response
