"""People whom a reverse proxy has logged in: SAML, Kerberos, certificates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from registry.errors import CredentialsRejected
from registry.model.account import ExternalIdentity
from vo_service.login.roles import GroupRoles

__all__ = ["ProxyHeaders"]


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    """Reads who somebody is from headers; whether the sender is believed is checked before.

    Attributes
    ----------
    user
        Header with the name of the person, unique at the proxy.
    groups, email, display_name
        Headers with more of the person, where the proxy sends it.
    roles
        What follows from groups.
    """

    user: str
    groups: str | None
    email: str | None
    display_name: str | None
    roles: GroupRoles

    def identity(self, headers: Mapping[str, str]) -> ExternalIdentity:
        """Tell who it is.

        Raises
        ------
        CredentialsRejected
            If the proxy does not say, or the person may not use this service.
        """
        sent = {name.lower(): value for name, value in headers.items()}
        subject = sent.get(self.user.lower(), "").strip()
        if not subject:
            raise CredentialsRejected(f"the proxy sent no header {self.user}")
        groups = None
        if self.groups is not None:
            words = re.split(r"[\s;,]+", sent.get(self.groups.lower(), ""))
            groups = frozenset(word for word in words if word)
        self.roles.require(groups)
        return ExternalIdentity(
            source="proxy",
            issuer="proxy",
            subject=subject[:255],
            name=subject.split("@", maxsplit=1)[0],
            display_name=_said(sent, self.display_name),
            email=_said(sent, self.email),
            groups=groups,
            coordinator=self.roles.coordinator(groups),
            operator=self.roles.operator(groups),
        )


def _said(sent: Mapping[str, str], name: str | None) -> str:
    return "" if name is None else sent.get(name.lower(), "").strip()
