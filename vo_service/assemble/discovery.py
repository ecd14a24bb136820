"""The protocols by which VO tools find data, of one process."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from registry.model.principal import Principal
from registry.products.links import ProductLinks
from registry.stores.metadata.provenance import SqlProvenanceStore
from vo_service.assemble.services import Services
from vo_service.dali.request import RequestLimits
from vo_service.discovery.cone import ConeSearch
from vo_service.discovery.datalink import datalink_blueprint
from vo_service.discovery.scs import scs_blueprint
from vo_service.http.streaming import ResultStreaming
from vo_service.settings import Settings
from vosi.tables import find_table

__all__ = ["discovery_blueprints"]


def discovery_blueprints(settings: Settings, services: Services) -> list[tuple[Blueprint, str]]:
    """Make the routes, each for everybody and below ``/auth``, where all are asked to log in.

    Parameters
    ----------
    settings, services
        Of the installation.

    Returns
    -------
    list of tuple
        Blueprints, each with the path below which it is.
    """
    authentication = services.people.authentication
    return [
        *_mounted(settings, services, "", authentication.principal),
        *_mounted(settings, services, "auth", authentication.required),
    ]


def _mounted(
    settings: Settings, services: Services, mount: str, principal: Callable[[], Principal]
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
    )
    datalink = datalink_blueprint(
        links=links,
        table=lambda who, name: find_table(services.data.catalogue.tables(who), name),
        principal=principal,
        base_url=settings.base_url,
        name=f"{prefix}datalink",
    )
    return [(scs, f"{below}/scs"), (datalink, f"{below}/datalink")]
