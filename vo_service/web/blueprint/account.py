"""What people keep of their own: their name, their groups, and the tokens of their programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request
from flask_babel import gettext

from registry.accounts.credentials import CredentialService
from registry.accounts.service import AccountService
from registry.errors import AccountRejected
from registry.model.principal import Principal
from vo_service.web.shell import Shell

__all__ = ["AccountViews"]

_LIVES_DAYS = (90, 30, 365)
"""How long a new token can be good, the first choice first; besides for ever."""


@dataclass(frozen=True, slots=True)
class AccountViews:
    """Views of the account of who looks."""

    accounts: AccountService
    credentials: CredentialService
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        blueprint.get("/account")(self.show_account)
        blueprint.post("/account")(self.change_name)
        blueprint.post("/account/tokens")(self.make_token)
        blueprint.post("/account/tokens/<int:token_id>/revoke")(self.revoke_own_token)

    def show_account(self) -> Response:
        """Show who one is here, and which tokens there are."""
        return self._page(self.shell.member())

    def change_name(self) -> Response:
        """Set the name by which others see the person."""
        principal = self.shell.member()
        name = request.form.get("display_name", "").strip()
        if not name:
            errors = {"display_name": gettext("Give a name.")}
            return self._page(principal, errors, 422)
        try:
            self.accounts.update_user(str(principal.user), display_name=name)
        except AccountRejected as error:
            return self._page(principal, {error.field: self.shell.sentence(error)}, 422)
        return self.shell.see("/account")

    def make_token(self) -> Response:
        """Make a token, and show its secret this once."""
        principal = self.shell.member()
        days = request.form.get("days", "")
        life = int(days) if days in map(str, _LIVES_DAYS) else None
        expires = None if life is None else datetime.now(UTC) + timedelta(days=life)
        try:
            token, secret = self.credentials.create_token(
                str(principal.user), request.form.get("name", ""), expires
            )
        except AccountRejected as error:
            return self._page(principal, {"name": self.shell.sentence(error)}, 422)
        return self._page(principal, made=token.name, secret=secret)

    def revoke_own_token(self, token_id: int) -> Response:
        """Make a token worthless."""
        self.credentials.revoke_token(str(self.shell.member().user), token_id)
        return self.shell.see("/account")

    def _page(
        self,
        principal: Principal,
        errors: dict[str, str] | None = None,
        status: int = 200,
        made: str | None = None,
        secret: str | None = None,
    ) -> Response:
        name = str(principal.user)
        response = self.shell.render(
            "account.html",
            status,
            account=self.accounts.user(name),
            tokens=self.credentials.tokens(name),
            lives=_LIVES_DAYS,
            errors=errors or {},
            sent=request.form,
            made=made,
            secret=secret,
            now=datetime.now(UTC),
        )
        response.cache_control.no_store = True
        return response
