"""The protocols by which VO tools find data, of one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint

from registry.model.capability import Capability
from registry.model.principal import ANONYMOUS, Principal
from registry.model.product import ProductStatus
from registry.products.links import ProductLinks
from registry.stores.metadata.products import SqlProductStore
from registry.stores.metadata.provenance import SqlProvenanceStore
from vo_service.assemble.services import Services
from vo_service.dali.request import RequestLimits
from vo_service.discovery.cone import ConeSearch
from vo_service.discovery.datalink import datalink_blueprint
from vo_service.discovery.harvest import Harvest, HarvestedSite, listed
from vo_service.discovery.maps import maps_blueprint
from vo_service.discovery.moc import moc_blueprint
from vo_service.discovery.oai import oai_blueprint
from vo_service.discovery.scs import cone_capability, scs_blueprint
from vo_service.discovery.sia import sia_blueprint
from vo_service.discovery.voresource import Record, RegistrySite, SiteRecords
from vo_service.http.streaming import ResultStreaming
from vo_service.settings import Settings
from vosi.availability import Availability
from vosi.tables import find_table

__all__ = ["discovery_blueprints", "registry_blueprint", "registry_records", "site_harvest"]


def discovery_blueprints(
    settings: Settings, services: Services, availability: Callable[[], Availability]
) -> list[tuple[Blueprint, str]]:
    """Make the routes, each for everybody and below ``/auth``, where all are asked to log in.

    Parameters
    ----------
    settings, services
        Of the installation.
    availability
        Checks whether the service works.

    Returns
    -------
    list of tuple
        Blueprints, each with the path below which it is.
    """
    authentication = services.people.authentication
    return [
        *_mounted(settings, services, availability, "", authentication.principal),
        *_mounted(settings, services, availability, "auth", authentication.required),
    ]


def _mounted(
    settings: Settings,
    services: Services,
    availability: Callable[[], Availability],
    mount: str,
    principal: Callable[[], Principal],
) -> list[tuple[Blueprint, str]]:
    below, prefix = (f"/{mount}", f"{mount}_") if mount else ("", "")
    limits = RequestLimits(settings.maxrec_default_rows, settings.maxrec_hard_rows)
    scs = scs_blueprint(
        cones=ConeSearch(services.queries, settings.sync_timeout_s),
        streaming=ResultStreaming(),
        limits=limits,
        principal=principal,
        visitor=services.people.authentication.visitor,
        scs_url=f"{settings.base_url}{below}/scs",
        name=f"{prefix}scs",
    )
    links = ProductLinks(
        services.data.products,
        SqlProvenanceStore(services.database).used_by,
        settings.dataset_ids,
        settings.base_url,
        services.data.maps.facts,
    )
    datalink = datalink_blueprint(
        links=links,
        table=lambda who, name: find_table(services.data.catalogue.tables(who), name),
        principal=principal,
        base_url=settings.base_url,
        name=f"{prefix}datalink",
    )
    moc = moc_blueprint(
        tables=services.data.catalogue.tables, principal=principal, name=f"{prefix}moc"
    )
    maps = maps_blueprint(
        tables=services.data.catalogue.tables,
        folder=services.data.maps,
        principal=principal,
        name=f"{prefix}maps",
    )
    sia = sia_blueprint(
        queries=services.queries,
        streaming=ResultStreaming(),
        limits=limits,
        time_limit_s=settings.sync_timeout_s,
        availability=availability,
        principal=principal,
        visitor=services.people.authentication.visitor,
        sia_url=f"{settings.base_url}{below}/sia2",
        name=f"{prefix}sia",
    )
    named = {"scs": scs, "sia2": sia, "datalink": datalink, "moc": moc, "maps": maps}
    return [(blueprint, f"{below}/{path}") for path, blueprint in named.items()]


def registry_blueprint(
    settings: Settings, services: Services, capabilities: Sequence[Capability]
) -> Blueprint:
    """Make the route of the publishing registry, which says what is missing without settings.

    Parameters
    ----------
    settings, services
        Of the installation.
    capabilities
        Of its TAP service.
    """
    missing = [name for name in ("authority", "contact") if getattr(settings, name) is None]
    if settings.authority is None or settings.contact is None:
        return oai_blueprint(None, missing)
    return oai_blueprint(site_harvest(settings, services, capabilities), missing)


def site_harvest(
    settings: Settings, services: Services, capabilities: Sequence[Capability]
) -> Harvest:
    """Make what answers harvesters; authority and contact are set."""
    made = _site_records(settings, capabilities)
    url = f"{settings.base_url}/oai"
    own = HarvestedSite(settings.title, url, made.site.contact, f"{made.site.ids.root}/registry")
    return Harvest(own, _KnownRecords(services, made).listed)


class _KnownRecords:
    """The records in their order, made anew where products or rights have changed."""

    def __init__(self, services: Services, made: SiteRecords) -> None:
        self._services = services
        self._made = made
        self._lock = threading.Lock()
        self._known: tuple[int, tuple[Record, ...]] | None = None

    def listed(self) -> tuple[Record, ...]:
        """Give them; one request at a time makes them."""
        with self._lock:
            version = SqlProductStore(self._services.database).schema_version()
            if self._known is None or self._known[0] != version:
                self._known = version, listed(_records(self._services, self._made))
            return self._known[1]


def registry_records(
    settings: Settings, services: Services, capabilities: Sequence[Capability]
) -> Iterator[Record]:
    """Make all records; authority and contact are set."""
    return _records(services, _site_records(settings, capabilities))


def _site_records(settings: Settings, capabilities: Sequence[Capability]) -> SiteRecords:
    site = RegistrySite(
        settings.authority or "",
        settings.publisher,
        settings.contact or "",
        settings.title,
        settings.base_url,
        datetime.now(UTC),
    )
    limits = RequestLimits(settings.maxrec_default_rows, settings.maxrec_hard_rows)
    scs_url = f"{settings.base_url}/scs"
    return SiteRecords(site, capabilities, lambda table: cone_capability(table, scs_url, limits))


def _records(services: Services, made: SiteRecords) -> Iterator[Record]:
    yield from made.of_site()
    catalogue = services.data.catalogue
    tables = catalogue.tables(ANONYMOUS)
    for product in catalogue.products(ANONYMOUS):
        schema, _, name = product.table_name.lower().partition(".")
        table = tables.by_name.get((schema, name))
        if product.official and product.version is not None and table is not None:
            yield made.of_product(product, tables, table)
    policy = services.people.releases.policy()
    for product in SqlProductStore(services.database).withdrawn():
        # What was hidden is not told by its end.
        if policy.may_see(ANONYMOUS, replace(product, status=ProductStatus.PUBLISHED)):
            yield made.deleted(product)
