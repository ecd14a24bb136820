"""Who asks: the principal of a request."""

from __future__ import annotations

from flask import request

from registry.model.principal import ANONYMOUS, Principal

__all__ = ["CredentialsRejected", "request_principal"]


class CredentialsRejected(Exception):
    """Credentials were shown that nobody holds.

    Attributes
    ----------
    challenge
        Value of the header WWW-Authenticate.
    """

    challenge = 'Basic realm="pzvo", charset="UTF-8"'

    def __init__(self) -> None:
        super().__init__("the credentials are not valid here; leave them out to see what is public")


def request_principal() -> Principal:
    """Tell who makes the request at hand.

    Raises
    ------
    CredentialsRejected
        If credentials are shown. There are no accounts yet, and wrong credentials never fall
        back to anonymous access.
    """
    if "Authorization" in request.headers:
        raise CredentialsRejected
    return ANONYMOUS
