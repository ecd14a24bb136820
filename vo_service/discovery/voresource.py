"""Records of the registry (VOResource 1.1): the site, its services and its official products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.coverage import coarser
from registry.model.capability import Capability, Interface, InterfaceType
from registry.model.dataset import DatasetIds
from registry.model.product import Product
from registry.model.references import creator_names, doi_of, licence_url
from registry.model.table import Table, TableSet
from registry.product_types import product_type_named
from vosi.capabilities import capability_element
from vosi.document import TYPE_NAMESPACES, attribute_text, element, parent
from vosi.tables import tableset_children

__all__ = ["Record", "RegistrySite", "SiteRecords", "moment"]

RESOURCE_NS = "http://www.ivoa.net/xml/RegistryInterface/v1.0"
"""Namespace of the element that holds a record (RegistryInterface 1.0)."""

_XSI = "http://www.w3.org/2001/XMLSchema-instance"

_COVERAGE_ORDER = 6
"""Of the maps in records: cells of a degree say where to look, and keep a harvest small."""

_SUBJECTS = ("redshift-surveys", "galaxies", "surveys")
"""Terms of the Unified Astronomy Thesaurus that fit all products."""


def moment(when: datetime) -> str:
    """Write a moment as OAI and VOResource do: UTC, in whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class RegistrySite:
    """Who publishes.

    Attributes
    ----------
    authority, publisher, contact
        The authority, the name of the site, and its e-mail address.
    title
        Of the service.
    base_url
        Public URL above all services, without trailing slash.
    since
        When it began to say this.
    """

    authority: str
    publisher: str
    contact: str
    title: str
    base_url: str
    since: datetime

    @property
    def ids(self) -> DatasetIds:
        """How products are identified."""
        return DatasetIds(self.authority)


@dataclass(frozen=True, slots=True)
class Record:
    """A record, or that there was one.

    Attributes
    ----------
    identifier
        IVOID.
    updated
        When it changed last, in whole seconds, UTC.
    resource
        Writes it as VOResource; none where it was deleted.
    summary
        Writes it as Dublin Core: pairs of an element and its content.
    """

    identifier: str
    updated: datetime
    resource: Callable[[], str] | None = None
    summary: Callable[[], list[tuple[str, str | None]]] = list

    @property
    def is_deleted(self) -> bool:
        """Whether there is none any more."""
        return self.resource is None


@dataclass(frozen=True, slots=True)
class SiteRecords:
    """Makes records.

    Attributes
    ----------
    site
        Who publishes.
    capabilities
        Of the service.
    cone
        Describes the cone search of a table with positions.
    """

    site: RegistrySite
    capabilities: Sequence[Capability]
    cone: Callable[[Table], Capability]

    def of_site(self) -> Iterator[Record]:
        """Make the records of registry, authority, organisation and service."""
        site, root = self.site, self.site.ids.root
        harvest = Capability(
            "ivo://ivoa.net/std/Registry",
            (
                Interface(
                    f"{site.base_url}/oai", type=InterfaceType.OAI_HTTP, role="std", version="1.0"
                ),
            ),
        )
        harvesting = capability_element(harvest, "vg:Harvest", [element("maxRecords", 0)])
        own = [element("full", "false"), element("managedAuthority", site.authority)]
        registry = f"Records of {site.publisher}, for harvesters."
        yield self._site_record(
            "registry", "vg:Registry", f"{site.publisher} publishing registry", registry,
            "Registry", [harvesting, *own],
        )  # fmt: skip
        organisation = f"{site.publisher} publishes photometric redshifts."
        yield self._site_record(
            "", "vg:Authority", f"{site.publisher} authority", f"The identifiers of {root}.",
            "Other", [element("managingOrg", site.publisher, ivo_id=f"{root}/org")],
        )  # fmt: skip
        yield self._site_record(
            "org", "vr:Organisation", site.publisher, organisation, "Organisation", []
        )
        described = [capability_element(each) for each in self.capabilities]
        yield self._site_record(
            "tap", "vs:CatalogService", site.title,
            "Redshift catalogues, training sets and photometric redshifts of galaxies, to be "
            "queried in ADQL and by cone.",
            "Archive", described,
        )  # fmt: skip

    def of_product(self, product: Product, tables: TableSet, table: Table) -> Record:
        """Make the record of a product with a table."""
        updated = product.updated.replace(microsecond=0)
        return Record(
            self.site.ids.record(product),
            updated,
            lambda: self._product_resource(product, tables, table),
            lambda: self._product_summary(product),
        )

    def deleted(self, product: Product) -> Record:
        """Make what is left of the record of a product that was withdrawn."""
        return Record(self.site.ids.record(product), product.updated.replace(microsecond=0))

    def _site_record(  # noqa: PLR0917 - the parts of a record
        self, local: str, kind: str, title: str, text: str, content: str, rest: list[str]
    ) -> Record:
        site = self.site
        identifier = f"{site.ids.root}/{local}" if local else site.ids.root
        since = site.since.replace(microsecond=0)

        def resource() -> str:
            children = [
                element("title", title),
                element("identifier", identifier),
                self._curation((), site.since, None),
                _content(_SUBJECTS[:2], text, site.base_url, content),
                *rest,
            ]
            return _resource(kind, children, since, since)

        def summary() -> list[tuple[str, str | None]]:
            return [
                ("title", title),
                ("description", text),
                ("publisher", site.publisher),
                ("identifier", identifier),
            ]

        return Record(identifier, since, resource, summary)

    def _curation(self, creators: Iterable[str], date: datetime, version: int | None) -> str:
        site = self.site
        contact = (element("name", site.publisher), element("email", site.contact))
        return parent(
            "curation",
            (
                element("publisher", site.publisher, ivo_id=f"{site.ids.root}/org"),
                *(parent("creator", (element("name", name),)) for name in creators),
                element("date", moment(date), role="Updated"),
                element("version", version),
                parent("contact", contact),
            ),
        )

    def _product_resource(self, product: Product, tables: TableSet, table: Table) -> str:
        site = self.site
        service = f"{site.ids.root}/tap"
        served = (
            element("relationshipType", "IsServedBy"),
            element("relatedResource", site.title, ivo_id=service),
        )
        doi = None if product.doi is None else f"doi:{product.doi}"
        subjects = (*_SUBJECTS, product_type_named(product.product_type).display_name)
        page = f"{site.base_url}/product/{product.internal_name}"
        content = _content(
            subjects, _described(product), page, "Catalog", product.article,
            parent("relationship", served),
        )  # fmt: skip
        licence = product.licence
        rights = licence and element("rights", licence, rightsURI=licence_url(licence))
        children = [
            element("title", product.display_name),
            element("shortName", f"p{product.id} {product.display_name}"[:16].strip()),
            element("identifier", site.ids.record(product)),
            element("altIdentifier", doi),
            self._curation(
                creator_names(product.creators) or (product.owner or site.publisher,),
                product.updated,
                product.edition,
            ),
            content,
            rights or "",
            *(capability_element(each) for each in self._auxiliary(table)),
            _coverage(table),
            parent("tableset", tableset_children(tables, [table])),
        ]
        return _resource("vs:CatalogResource", children, product.created, product.updated)

    def _auxiliary(self, table: Table) -> Iterator[Capability]:
        tap = Interface(f"{self.site.base_url}/tap", role="std", version="1.1")
        yield Capability("ivo://ivoa.net/std/TAP#aux", (tap,))
        if table.position is not None:
            yield self.cone(table)

    def _product_summary(self, product: Product) -> list[tuple[str, str | None]]:
        return [
            ("title", product.display_name),
            *(("creator", name) for name in creator_names(product.creators)),
            *(("subject", each) for each in _SUBJECTS),
            ("description", _described(product)),
            ("publisher", self.site.publisher),
            ("date", moment(product.updated)),
            ("type", "Dataset"),
            ("identifier", self.site.ids.record(product)),
            ("identifier", None if product.doi is None else f"doi:{product.doi}"),
            ("rights", product.licence),
        ]


def _described(product: Product) -> str:
    return (product.description or "").strip() or product.display_name


def _content(  # noqa: PLR0917 - the parts of the element
    subjects: Iterable[str],
    text: str,
    page: str,
    kind: str,
    article: str | None = None,
    related: str = "",
) -> str:
    source = None
    if article is not None:
        doi = doi_of(article)
        source = element("source", f"doi:{doi}" if doi else article, format="doi" if doi else None)
    return parent(
        "content",
        (
            *(element("subject", subject) for subject in subjects),
            element("description", text),
            source or "",
            element("referenceURL", page),
            element("type", kind),
            element("contentLevel", "Research"),
            related,
        ),
    )


def _coverage(table: Table) -> str:
    spatial = None if table.coverage is None else coarser(table.coverage, _COVERAGE_ORDER)
    return parent("coverage", (element("spatial", spatial), element("waveband", "Optical")))


def _resource(kind: str, children: Iterable[str], created: datetime, updated: datetime) -> str:
    spaces = {f"xmlns__{prefix}": uri for prefix, uri in TYPE_NAMESPACES.items()}
    # IVOA serves each schema at the address of its namespace.
    places = " ".join(f"{uri} {uri}" for uri in (RESOURCE_NS, *TYPE_NAMESPACES.values()))
    attributes = {
        # The children are in no namespace, whatever the document around them has by default.
        "xmlns": "",
        "xmlns__ri": RESOURCE_NS,
        **spaces,
        "xmlns__xsi": _XSI,
        "xsi__schemaLocation": places,
        "xsi__type": kind,
        "created": moment(created),
        "updated": moment(updated),
        "status": "active",
    }
    return f"<ri:Resource{attribute_text(attributes)}>{''.join(children)}</ri:Resource>"
