"""Routes of logging in and out."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from flask import Blueprint, Response, jsonify, request

from registry.accounts.credentials import CredentialService
from registry.accounts.passwords import is_token
from registry.accounts.service import AccountService
from registry.errors import (
    AccountRejected,
    CredentialsRejected,
    HostBusy,
    LoginsExceeded,
    NotAllowed,
    UserDeactivated,
)
from registry.model.account import ExternalIdentity, Session
from vo_service.http.authentication import SESSION_COOKIE, Authentication
from vo_service.http.errors import text_error
from vo_service.login.oidc import OidcProvider, OidcUnavailable, OidcVisit
from vo_service.login.proxy import ProxyHeaders

__all__ = ["Login", "LoginPage", "login_blueprint"]

_STATE_COOKIE = "pzvo_login"
"""Cookie that binds a login at the provider to the browser that began it."""

_BOUGHT_TOKEN = timedelta(hours=24)
"""How long a token is good that a client bought with a password (SSO, x-vo-bearer)."""


class LoginPage(Protocol):
    """Shows the page on which people log in."""

    def __call__(
        self, next_path: str, user: str | None = None, problem: str | None = None, status: int = 200
    ) -> Response:
        """Show it.

        Parameters
        ----------
        next_path
            Where the person goes afterwards.
        user
            Who is logged in already.
        problem
            Why the last try failed.
        status
            Of the answer.
        """


@dataclass(frozen=True, slots=True)
class Login:
    """Logs people in.

    Attributes
    ----------
    accounts, credentials, authentication
        Of the installation.
    page
        For people without a session.
    base_url
        Public base, without trailing slash.
    oidc, proxy
        Other ways to log in, where they are set up.
    """

    accounts: AccountService
    credentials: CredentialService
    authentication: Authentication
    page: LoginPage
    base_url: str
    oidc: OidcProvider | None = None
    proxy: ProxyHeaders | None = None

    def show(self) -> Response:
        """Show the page."""
        user = self.authentication.principal().user
        return self.page(_next(request.args), user)

    def log_in(self) -> Response:
        """Open a session for a user name and a password."""
        self.authentication.refuse_foreign()
        sent = _sent()
        next_path = _next(sent)
        try:
            principal = self.credentials.authenticate_password(
                sent.get("username", ""), sent.get("password", ""), self.authentication.address()
            )
        except (CredentialsRejected, LoginsExceeded, HostBusy) as error:
            return self._failed(error, next_path)
        session = self._open(principal.user or "")
        if request.is_json:
            expires = session.expires.isoformat()
            response = jsonify(user=session.user, csrf=session.csrf, expires=expires)
        else:
            response = self._see(next_path)
        return self._with_session(response, session)

    def log_out(self) -> Response:
        """Close the session of the browser."""
        self.authentication.principal()
        secret = request.cookies.get(SESSION_COOKIE)
        if secret:
            self.credentials.close_session(secret)
        response = jsonify(user=None) if request.is_json else self._see("/")
        response.delete_cookie(SESSION_COOKIE, path="/")
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def sell_token(self) -> Response:
        """Give a token for a password (SSO, tls-with-password); a token is given back."""
        sent = _sent()
        name, secret = sent.get("username", ""), sent.get("password", "")
        if is_token(secret):
            principal = self.credentials.authenticate_token(secret)
            sent_name, owner = name.strip().lower(), principal.user or ""
            if not hmac.compare_digest(sent_name.encode(), owner.encode()):
                raise CredentialsRejected("the token is not valid for this user name")
        else:
            address = self.authentication.address()
            principal = self.credentials.authenticate_password(name, secret, address)
            _, secret = self.credentials.login_token(principal.user or "", "login", _BOUGHT_TOKEN)
        response = text_error("logged in", 200)
        response.headers["X-VO-Bearer"] = secret
        response.headers["X-VO-Authenticated"] = principal.user or ""
        response.cache_control.no_store = True
        return response

    def go_to_provider(self) -> Response:
        """Send the browser to the OpenID provider."""
        if self.oidc is None:
            return text_error("No OpenID provider is set up here.", 404)
        visit = OidcVisit.begin()
        state = self.credentials.begin_external_login(
            visit.nonce, visit.verifier, _next(request.args)
        )
        response = _redirect(self.oidc.address(visit, state))
        response.set_cookie(
            _STATE_COOKIE, state, max_age=600, path="/", secure=self._secure, httponly=True,
            samesite="Lax",
        )  # fmt: skip
        return response

    def come_back(self) -> Response:
        """Log in whom the OpenID provider has sent back."""
        if self.oidc is None:
            return text_error("No OpenID provider is set up here.", 404)
        state, bound = request.args.get("state", ""), request.cookies.get(_STATE_COOKIE, "")
        if not state or not hmac.compare_digest(state.encode(), bound.encode()):
            raise CredentialsRejected("this login was not begun in this browser; begin it again")
        kept = self.credentials.take_external_login(state)
        if "error" in request.args:
            said = request.args.get("error_description") or request.args["error"]
            raise CredentialsRejected(f"the provider refused the login: {said[:200]}")
        visit = OidcVisit(kept["nonce"], kept["verifier"])
        identity = self.oidc.identity(visit, request.args.get("code", ""))
        response = self._log_in_external(identity, kept["next"])
        response.delete_cookie(_STATE_COOKIE, path="/")
        return response

    def trust_proxy(self) -> Response:
        """Log in whom a trusted proxy has logged in."""
        if self.proxy is None:
            return text_error("No proxy logs people in here.", 404)
        if not self.authentication.is_trusted_proxy(request.remote_addr or ""):
            raise NotAllowed("this address is reached through the proxy of the institution alone")
        return self._log_in_external(
            self.proxy.identity(dict(request.headers)), _next(request.args)
        )

    def _failed(
        self, error: CredentialsRejected | LoginsExceeded | HostBusy, next_path: str
    ) -> Response:
        # Not 401: browsers would ask for the password in a window of their own.
        status = 429 if isinstance(error, LoginsExceeded | HostBusy) else 403
        if request.is_json:
            response = jsonify(detail=_sentence(error))
            response.status_code = status
        else:
            response = self.page(next_path, problem=_sentence(error), status=status)
        if isinstance(error, LoginsExceeded | HostBusy):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    def _log_in_external(self, identity: ExternalIdentity, next_path: str) -> Response:
        try:
            user = self.accounts.external_login(identity)
        except (UserDeactivated, AccountRejected) as error:
            raise CredentialsRejected(str(error)) from error
        return self._with_session(self._see(next_path), self._open(user.name))

    def _open(self, user: str) -> Session:
        # A new secret at each login: whoever planted a cookie before does not know it.
        old = request.cookies.get(SESSION_COOKIE)
        if old:
            self.credentials.close_session(old)
        return self.credentials.open_session(user)

    def _with_session(self, response: Response, session: Session) -> Response:
        response.set_cookie(
            SESSION_COOKIE, session.secret, expires=session.expires, path="/",
            secure=self._secure, httponly=True, samesite="Lax",
        )  # fmt: skip
        response.cache_control.no_store = True
        return response

    @property
    def _secure(self) -> bool:
        return self.base_url.startswith("https://")

    def _see(self, path: str) -> Response:
        return _redirect(f"{self.base_url}{path}")


def login_blueprint(login: Login) -> Blueprint:
    """Make the routes below the root of the service.

    Parameters
    ----------
    login
        Of the installation.
    """
    blueprint = Blueprint("login", __name__)
    for rule, method, view in (
        ("/login", "GET", login.show),
        ("/login", "POST", login.log_in),
        ("/logout", "POST", login.log_out),
        ("/login/token", "POST", login.sell_token),
        ("/login/oidc", "GET", login.go_to_provider),
        ("/login/oidc/callback", "GET", login.come_back),
        ("/login/proxy", "GET", login.trust_proxy),
    ):
        blueprint.add_url_rule(rule, view.__name__, view, methods=[method])

    @blueprint.errorhandler(OidcUnavailable)
    def answer(error: OidcUnavailable) -> Response:
        return text_error(_sentence(error), 502)

    return blueprint


def _sent() -> Mapping[str, str]:
    if not request.is_json:
        return request.form
    body = request.get_json()
    return {k: v for k, v in body.items() if isinstance(v, str)} if isinstance(body, dict) else {}


def _next(sent: Mapping[str, str]) -> str:
    """Give where somebody goes afterwards: a path of ours, never another site's address."""
    path = sent.get("next", "/")
    if not path.startswith("/") or path[1:2] in ("/", "\\") or not path.isprintable():
        return "/"
    return path[:2000]


def _redirect(url: str) -> Response:
    return Response(status=303, headers={"Location": url})


def _sentence(error: Exception) -> str:
    message = str(error)
    return message[:1].upper() + message[1:] + "."
