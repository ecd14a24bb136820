"""Identifiers of products in the Virtual Observatory."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.model.product import Product

__all__ = ["AUTHORITY_PATTERN", "DID_UTYPE", "LINKS_TYPE", "MAP_KINDS", "DatasetIds"]

AUTHORITY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._\-]{2,}$"
"""Of the characters that an authority may have, those in use (IVOA Identifiers 2.0, 2.3.1)."""

DID_UTYPE = "obscore:Curation.PublisherDID"
"""Marks columns of publisher DIDs, wherever a query takes them (ObsCore 1.1, section 4)."""

LINKS_TYPE = "application/x-votable+xml;content=datalink"
"""Media type of a document of links, as clients compare it (DataLink 1.1, section 3.3)."""

MAP_KINDS = ("density", "redshift")
"""Maps of a catalogue: rows in each place, and their mean redshift."""

_UNREGISTERED = "x-unregistered"
"""Authority of a site that has none: nobody can register it."""

_LOCAL = re.compile(r"[a-z0-9_]+/p([0-9]{1,18})_?[A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class DatasetIds:
    """Makes and reads identifiers, which last as long as the authority.

    Attributes
    ----------
    authority
        Of the site, none where it is not registered.
    """

    authority: str | None = None

    @property
    def root(self) -> str:
        """The beginning of all identifiers, without a slash behind it."""
        return f"ivo://{self.authority or _UNREGISTERED}"

    def record(self, product: Product) -> str:
        """Give the IVOID of a product's record in the registry."""
        return f"{self.root}/{_local(product)}"

    def publisher_did(self, product: Product) -> str:
        """Give the publisher DID of a product, which is that of the service with a local part."""
        return f"{self.root}/tap?{_local(product)}"

    def map_did(self, product: Product, kind: str) -> str:
        """Give the publisher DID of a map of a product, which begins with that of the product."""
        return f"{self.publisher_did(product)}/{kind}"

    def split(self, identifier: str) -> tuple[str, str | None]:
        """Give the identifier of a product and the kind of map, of that of a map; else no kind."""
        text = identifier.strip()
        for kind in MAP_KINDS:
            if text.lower().endswith(f"/{kind}"):
                return text[: -len(kind) - 1], kind
        return text, None

    def number(self, identifier: str) -> int | None:
        """Give the number of the product that an identifier of either kind can mean, or none.

        Notes
        -----
        IVOIDs are compared without regard to case (IVOA Identifiers 2.0, section 2.3). Whoever
        finds the product compares its own identifier: the number alone does not identify it.
        """
        text = identifier.strip().lower()
        for head in (f"{self.root}/tap?".lower(), f"{self.root}/".lower()):
            if text.startswith(head):
                found = _LOCAL.fullmatch(text.removeprefix(head))
                if found is not None:
                    return int(found[1])
        return None

    def means(self, identifier: str, product: Product) -> bool:
        """Tell whether an identifier is that of a product."""
        text = identifier.strip().lower()
        return text in (self.record(product).lower(), self.publisher_did(product).lower())


def _local(product: Product) -> str:
    return product.table_name.replace(".", "/", 1)
