"""Who asks: credentials of the request at hand, challenges, and what answers say of the caller.

Credentials are a token or a password in the header ``Authorization``, or else the session of a
browser in a cookie. Wrong credentials are refused whatever is asked for: they never become
anonymous access. Nothing is read from the query string, which ends up in logs.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flask import Flask, Response, g, request

from registry.accounts.credentials import CredentialService
from registry.accounts.passwords import is_token
from registry.errors import CredentialsRejected, LoginRequired, NotAllowed
from registry.host.client import WaitingClient, set_waiting_client
from registry.model.account import Session
from registry.model.principal import ANONYMOUS, Principal
from vo_service.http.connection import client_connection, watch_hangup
from vo_service.http.visitors import TrustedProxies, address_visitor

__all__ = ["CSRF_FIELD", "SESSION_COOKIE", "Authentication", "CsrfRejected", "Method", "challenges"]

Method = Literal["token", "password", "session"]
"""How a caller showed who they are."""

SESSION_COOKIE = "pzvo_session"
"""Name of the cookie of a browser that is logged in."""

CSRF_FIELD = "csrf_token"
"""Field of forms in which the secret of a session comes back."""

_CSRF_HEADER = "X-CSRFToken"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_TLS_WITH_PASSWORD = "ivo://ivoa.net/sso#tls-with-password"  # noqa: S105 - an identifier


class CsrfRejected(NotAllowed):
    """Say that a page of somebody else may have made a browser send this."""


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who makes the request at hand."""

    principal: Principal
    method: Method | None = None
    session: Session | None = None


_NOBODY = _Caller(ANONYMOUS)


def challenges(base_url: str) -> tuple[str, ...]:
    """List the values of WWW-Authenticate, HTTP Basic first (RFC 9110, section 11.6.1).

    Parameters
    ----------
    base_url
        Public base of the service. Where it is encrypted, clients are told where a password
        buys a token (SSO, challenge ``ivoa_bearer``).
    """
    found = ['Basic realm="pzvo", charset="UTF-8"', 'Bearer realm="pzvo"']
    if base_url.startswith("https://"):
        address = f"{base_url}/login/token"
        found.append(f'ivoa_bearer standard_id="{_TLS_WITH_PASSWORD}", access_url="{address}"')
    return tuple(found)


class Authentication:
    """Tells who makes the request at hand.

    Parameters
    ----------
    credentials
        Of the installation.
    base_url
        Public base of the service, without trailing slash.
    trusted_proxies
        Addresses and networks whose ``X-Forwarded-For`` is believed.
    """

    def __init__(
        self, credentials: CredentialService, base_url: str, trusted_proxies: Sequence[str] = ()
    ) -> None:
        self._credentials = credentials
        self._challenges = challenges(base_url)
        self._origin = "/".join(base_url.split("/")[:3])
        self._proxies = TrustedProxies(trusted_proxies)

    def install(self, app: Flask) -> None:
        """Check credentials before every view, and mark every answer."""
        app.before_request(self._refuse_wrong_credentials)
        app.before_request(self._name_visitor)
        app.teardown_request(_forget_client)
        app.after_request(self._mark)

    def principal(self) -> Principal:
        """Tell who makes the request at hand.

        Raises
        ------
        CredentialsRejected
            If nobody holds the credentials that are shown.
        LoginsExceeded
            If too many wrong passwords came before.
        CsrfRejected
            If a browser may have been made to send this.
        """
        return self._caller().principal

    def method(self) -> Method | None:
        """Tell how the caller showed who they are; raises as `principal`."""
        return self._caller().method

    def required(self) -> Principal:
        """Tell who makes the request at hand, which nobody may without an account.

        Raises
        ------
        LoginRequired
            If no credentials are shown.
        CredentialsRejected, LoginsExceeded, CsrfRejected
            As `principal`.
        """
        principal = self.principal()
        if principal.user is None:
            raise LoginRequired(
                "this needs an account; send a token as `Authorization: Bearer TOKEN`, or your "
                "user name with the token as password"
            )
        return principal

    def token_required(self) -> Principal:
        """Tell who asks by a safe method for something that changes state.

        Raises
        ------
        NotAllowed
            If the caller is known by the session of a browser, which any page can use.
        LoginRequired, CredentialsRejected, LoginsExceeded, CsrfRejected
            As `required`.
        """
        principal = self.required()
        if self.method() == "session":
            raise NotAllowed("this request changes something; send it by POST, or with a token")
        if _is_basic() and self._is_foreign():
            raise CsrfRejected(_FOREIGN)
        return principal

    def session(self) -> Session | None:
        """Give the session of the browser that asks, if there is one; raises as `principal`."""
        return self._caller().session

    def csrf(self) -> str:
        """Give what forms of the page at hand must send back; empty without a session."""
        session = self.session()
        return "" if session is None else session.csrf

    def take_csrf(self, sent: str) -> None:
        """Take the secret that a form with files brought, which is read by its view alone.

        Parameters
        ----------
        sent
            Value of the field.
        """
        g.sent_csrf = sent

    def refuse_foreign(self) -> None:
        """Refuse a request that a page of another origin made a browser send.

        Raises
        ------
        CsrfRejected
            If the browser says so.
        """
        if self._is_foreign():
            raise CsrfRejected(_FOREIGN)

    def address(self) -> str:
        """Give the address of the client, seen through trusted proxies."""
        forwarded_for = request.headers.get("X-Forwarded-For", "")
        return self._proxies.address(request.remote_addr or "", forwarded_for)

    def visitor(self) -> str:
        """Name who shares slots and quotas with others: a user, or else an address.

        Raises
        ------
        CredentialsRejected, LoginsExceeded, CsrfRejected
            As `principal`.
        """
        user = self.principal().user
        return f"user {user}" if user is not None else address_visitor(self.address())

    def is_trusted_proxy(self, address: str) -> bool:
        """Tell whether an address is one of the trusted proxies."""
        return address in self._proxies

    def _caller(self) -> _Caller:
        found = g.get("caller")
        if not isinstance(found, _Caller):
            found = g.caller = self._identified()
        return found

    def _identified(self) -> _Caller:
        header = request.headers.get("Authorization")
        if header is None:
            return self._by_cookie()
        scheme, _, rest = header.strip().partition(" ")
        try:
            match scheme.lower():
                case "token" | "bearer":
                    return _Caller(self._credentials.authenticate_token(rest.strip()), "token")
                case "basic":
                    return self._by_basic(rest.strip())
                case _:
                    raise CredentialsRejected(
                        f"the scheme {scheme[:40]!r} is none of Bearer, Token, Basic"
                    )
        except CredentialsRejected as error:
            raise CredentialsRejected(
                f"the credentials are not valid here: {error}; leave them out to see what is public"
            ) from error

    def _by_basic(self, encoded: str) -> _Caller:
        if request.method not in _SAFE and self._is_foreign():
            # Browsers repeat Basic by themselves, like cookies.
            raise CsrfRejected(_FOREIGN)
        try:
            name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            colon = name = secret = ""
        if not colon:
            raise CredentialsRejected("this is not the Basic scheme of RFC 7617")
        if not is_token(secret):
            principal = self._credentials.authenticate_password(name, secret, self.address())
            return _Caller(principal, "password")
        principal = self._credentials.authenticate_token(secret)
        if not hmac.compare_digest(name.strip().lower().encode(), (principal.user or "").encode()):
            raise CredentialsRejected("the token is not valid for this user name")
        return _Caller(principal, "token")

    def _by_cookie(self) -> _Caller:
        secret = request.cookies.get(SESSION_COOKIE)
        found = self._credentials.session(secret) if secret else None
        if found is None:
            return _NOBODY
        principal, session = found
        if request.method not in _SAFE and not hmac.compare_digest(
            _sent_csrf().encode(), session.csrf.encode()
        ):
            raise CsrfRejected(
                f"send the secret of your session in the header {_CSRF_HEADER} or the form field "
                f"{CSRF_FIELD}"
            )
        return _Caller(principal, "session", session)

    def _is_foreign(self) -> bool:
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site not in ("same-origin", "none")
        origin = request.headers.get("Origin")
        own = (self._origin, request.host_url.rstrip("/"))
        return origin is not None and origin not in own

    def _refuse_wrong_credentials(self) -> None:
        # Availability answers whoever asks, however badly (VOSI 1.1, section 3.2).
        if "Authorization" in request.headers and not _is_view("show_availability"):
            self.principal()

    def _name_visitor(self) -> None:
        environ = request.environ
        set_waiting_client(WaitingClient(self.visitor, lambda act: watch_hangup(environ, act)))
        connection = client_connection(environ)
        caller = g.get("caller")
        if connection is not None and isinstance(caller, _Caller) and caller.principal.user:
            connection.set_visitor(f"user {caller.principal.user}")

    def _mark(self, response: Response) -> Response:
        caller = g.get("caller")
        if isinstance(caller, _Caller):
            response.vary.update(("Authorization", "Cookie"))
            if caller.principal.user is not None:
                response.headers["X-VO-Authenticated"] = caller.principal.user
                if "Cache-Control" not in response.headers:
                    response.cache_control.private = True
        login_possible = _is_view("show_capabilities") and response.status_code in (200, 304)
        refused = response.status_code == 401
        if refused or (login_possible and "X-VO-Authenticated" not in response.headers):
            for challenge in self._challenges:
                response.headers.add("WWW-Authenticate", challenge)
        return response


def _forget_client(_error: BaseException | None = None) -> None:
    set_waiting_client(None)


_FOREIGN = "a page of another site made your browser send this; log in here and do it again"


def _is_basic() -> bool:
    return request.headers.get("Authorization", "")[:6].lower() == "basic "


def _is_view(name: str) -> bool:
    return (request.endpoint or "").endswith(f".{name}")


def _sent_csrf() -> str:
    taken = g.get("sent_csrf")
    if isinstance(taken, str):
        return taken
    header = request.headers.get(_CSRF_HEADER)
    if header is None and request.mimetype == "application/x-www-form-urlencoded":
        # Larger bodies are not read for this.
        return request.form.get(CSRF_FIELD, "")
    return header or ""
