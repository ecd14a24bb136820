"""Capabilities of the protocols that find data, beside that of TAP."""

from __future__ import annotations

from registry.formats.writers.descriptors import LINKS_STANDARD
from registry.model.capability import Capability, Interface, UrlUse
from vo_service.discovery.sia import sia_capability

__all__ = ["discovery_capabilities"]


def discovery_capabilities(base_url: str) -> tuple[Capability, ...]:
    """List what the service offers to find data.

    Parameters
    ----------
    base_url
        Public URL above all services, without trailing slash.
    """
    links = Interface(f"{base_url}/datalink/links", UrlUse.BASE, role="std", version="1.1")
    return Capability(LINKS_STANDARD, (links,)), sia_capability(f"{base_url}/sia2")
