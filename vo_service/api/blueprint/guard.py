"""What every view has before it: who asks, how often, and whether anybody may at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request

from registry.access import AccessPolicy
from registry.errors import LoginRequired
from registry.model.principal import Principal
from vo_service.api.errors import NotFound, Refused
from vo_service.api.operation import Access, Operation
from vo_service.api.throttle import Throttle
from vo_service.http.authentication import Authentication

__all__ = ["Guard"]

_NUMBER_MAX = 2**63 - 1
"""Largest number that anything can have; databases take no larger ones."""


class Guard:
    """Lets requests in.

    Parameters
    ----------
    authentication
        Tells who asks.
    policy
        Gives the rights of this moment.
    requests
        Bounds how often a caller asks.
    """

    def __init__(
        self,
        authentication: Authentication,
        policy: Callable[[], AccessPolicy],
        requests: Throttle,
    ) -> None:
        self._authentication = authentication
        self._policy = policy
        self._requests = requests

    def principal(self) -> Principal:
        """Tell who makes the request at hand.

        Raises
        ------
        CredentialsRejected, LoginsExceeded
            If credentials are shown that nobody holds.
        CsrfRejected
            If a browser may have been made to send the request.
        """
        return self._authentication.principal()

    def wrap(self, operation: Operation, view: Callable[..., Response]) -> Callable[..., Response]:
        """Put the checks of an operation before its view."""

        def guarded(**arguments: Any) -> Response:  # noqa: ANN401 - the parts of the path
            self._let_in(operation.access)
            if any(map(_is_impossible, arguments.values())):
                raise NotFound("Not found.")
            return view(**arguments)

        guarded.__name__ = operation.name
        return guarded

    def _let_in(self, access: Access) -> None:
        principal = self.principal()
        self._requests.count(self._authentication.visitor())
        if principal.user is None:
            self._check_anonymous(access)
        elif access is Access.TOKEN and not self._shows_token():
            message = "This GET changes something: show a token as Authorization, or use POST."
            raise Refused(message)
        elif access is Access.OPERATOR and not principal.operator:
            raise Refused("You do not have permission to perform this action.")

    def _check_anonymous(self, access: Access) -> None:
        open_to_all = access is Access.PUBLIC or (
            access is Access.READER and self._policy().anonymous_read
        )
        if not open_to_all:
            raise LoginRequired("Authentication credentials were not provided.")

    def _shows_token(self) -> bool:
        # Browsers add Basic credentials to requests that other sites cause; never these two.
        scheme = request.headers.get("Authorization", "").partition(" ")[0].lower()
        return scheme in ("token", "bearer") and self._authentication.method() == "token"


def _is_impossible(value: object) -> bool:
    """Tell of a part of the path that no database could be asked for."""
    return value > _NUMBER_MAX if isinstance(value, int) else "\x00" in str(value)
