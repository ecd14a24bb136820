"""OpenID Connect: the code flow with PKCE against one provider (OpenID Connect Core 1.0)."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.errors import CredentialsRejected
from registry.model.account import ExternalIdentity
from vo_service.login.roles import GroupRoles

__all__ = ["OidcProvider", "OidcSettings", "OidcUnavailable", "OidcVisit"]

_LOG = logging.getLogger("pzvo.login")

_TIMEOUT_S = 10.0
"""For each request to the provider; people wait for it."""

_DISCOVERY_S = 3600.0
"""How long the provider's description and keys are used before they are read again."""

_LEEWAY_S = 60
"""Difference of clocks that is forgiven."""

_ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]
"""Signatures with public keys alone: ``none`` and shared secrets are refused."""


_ODD = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What comes of answers that are not as the standard says, here and in the libraries."""


class OidcUnavailable(Exception):
    """Say that the provider does not answer as it should; the log says how."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """What the provider knows of us, and we of it.

    Attributes
    ----------
    issuer, client_id, client_secret, scopes
        As registered at the provider; public clients have no secret.
    redirect_url
        Where it sends people back to.
    name_claim, groups_claim
        Claims with the user name that somebody would like, and with the groups.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: str
    redirect_url: str
    name_claim: str
    groups_claim: str


@dataclass(frozen=True, slots=True)
class OidcVisit:
    """Somebody's way to the provider: where to go, and what to keep until the return."""

    nonce: str
    verifier: str

    @classmethod
    def begin(cls) -> OidcVisit:
        """Make the secrets of one login."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(48))


class OidcProvider:
    """Talks with the provider.

    Parameters
    ----------
    settings
        Of the provider.
    roles
        What follows from groups.
    """

    def __init__(self, settings: OidcSettings, roles: GroupRoles) -> None:
        self._settings = settings
        self._roles = roles
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, Any], Any] | None = None

    def address(self, visit: OidcVisit, state: str) -> str:
        """Give the address at the provider where somebody logs in.

        Raises
        ------
        OidcUnavailable
            If the provider cannot be asked.
        """
        described, _ = self._described()
        with self._session() as session:
            url, _ = session.create_authorization_url(
                described["authorization_endpoint"],
                state=state,
                nonce=visit.nonce,
                code_verifier=visit.verifier,
            )
            return str(url)

    def identity(self, visit: OidcVisit, code: str) -> ExternalIdentity:
        """Tell who came back.

        Parameters
        ----------
        visit
            As it began.
        code
            That the provider gave.

        Raises
        ------
        OidcUnavailable
            If the provider cannot be asked.
        CredentialsRejected
            If it does not confirm the login, or the person may not use this service.
        """
        from authlib.common.errors import AuthlibBaseError
        from requests import RequestException

        described, _ = self._described()
        try:
            with self._session() as session:
                token = session.fetch_token(
                    described["token_endpoint"],
                    code=code,
                    code_verifier=visit.verifier,
                    timeout=_TIMEOUT_S,
                )
                claims = self._claims(str(token.get("id_token", "")), visit.nonce)
                userinfo = described.get("userinfo_endpoint")
                if userinfo:
                    answer = session.get(userinfo, timeout=_TIMEOUT_S)
                    more = _document(answer)
                    # OpenID Connect Core 1.0, section 5.3.2: otherwise it is another person's.
                    if more.get("sub") == claims["sub"]:
                        claims = {**more, **claims}
        except AuthlibBaseError as error:
            raise CredentialsRejected(f"the provider refused the login: {error}") from error
        except (RequestException, *_ODD) as error:
            raise self._unavailable(error) from error
        return self._identity(claims)

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        described, keys = self._described()
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": described["issuer"]},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            token = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
            rules.validate(token.claims)
        except (JoseError, *_ODD) as error:
            _LOG.warning("an ID token of %s is not valid: %s", self._settings.issuer, error)
            self._known = None
            raise CredentialsRejected("the provider's answer is not valid; log in again") from error
        claims: dict[str, Any] = token.claims
        if not all(isinstance(claims.get(name), str) for name in ("iss", "sub")):
            raise CredentialsRejected("the provider's answer names nobody; log in again")
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise CredentialsRejected("the provider's answer is for another service")
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> ExternalIdentity:
        groups = _words(claims.get(self._settings.groups_claim))
        self._roles.require(groups)
        name = _text(claims, self._settings.name_claim) or _text(claims, "email").split("@")[0]
        return ExternalIdentity(
            source="oidc",
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            name=name or str(claims["sub"]),
            display_name=_text(claims, "name"),
            first_name=_text(claims, "given_name"),
            last_name=_text(claims, "family_name"),
            email=_text(claims, "email"),
            groups=groups,
            coordinator=self._roles.coordinator(groups),
            operator=self._roles.operator(groups),
        )

    def _session(self) -> Any:  # noqa: ANN401 - the library has no types
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self._settings.client_id,
            self._settings.client_secret,
            scope=self._settings.scopes,
            redirect_uri=self._settings.redirect_url,
            code_challenge_method="S256",
            token_endpoint_auth_method=(
                "none" if self._settings.client_secret is None else "client_secret_basic"
            ),
        )

    def _described(self) -> tuple[dict[str, Any], Any]:
        """Give the provider's description and its keys (OpenID Connect Discovery 1.0)."""
        import requests
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        with self._lock:
            now = time.monotonic()
            if self._known is not None and self._known[0] > now:
                return self._known[1:]
            issuer = self._settings.issuer
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                described = _document(_fetched(address))
                if described.get("issuer") != issuer:
                    msg = f"it calls itself {described.get('issuer')!r}, not {issuer!r}"
                    raise ValueError(msg)
                found = _document(_fetched(described["jwks_uri"]))
                keys = KeySet.import_key_set({"keys": found["keys"]})
                for name in ("authorization_endpoint", "token_endpoint"):
                    if not isinstance(described.get(name), str):
                        msg = f"it has no {name}"
                        raise ValueError(msg)
            except (requests.RequestException, JoseError, *_ODD) as error:
                raise self._unavailable(error) from error
            self._known = now + _DISCOVERY_S, described, keys
            return described, keys

    def _unavailable(self, error: Exception) -> OidcUnavailable:
        _LOG.error("OpenID provider %s: %s", self._settings.issuer, error)
        return OidcUnavailable(
            "the login of the institution does not answer; try again later, or use a password"
        )


def _fetched(address: str) -> Any:  # noqa: ANN401 - the library's response
    import requests

    # A provider describes itself where it said; another place could be anybody's.
    return requests.get(address, timeout=_TIMEOUT_S, allow_redirects=False)


def _document(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - the library's response
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        msg = f"{answer.url} is not an object"
        raise ValueError(msg)
    return found


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    # JSON may hold halves of characters, which no database takes.
    plain = value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
    return plain.strip()


def _words(value: object) -> frozenset[str] | None:
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list):
        return frozenset(str(word) for word in value)
    return None
