"""The web application of one process."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

from flask import Blueprint, Flask

from registry.errors import MetadataUnavailable
from registry.model.principal import OPERATOR
from registry.products.datasets import DatasetService
from registry.stores.metadata.datasets import SqlDatasetStore
from vo_service.api.blueprint import (
    ApiServices,
    ApiSettings,
    api_blueprint,
    environment_blueprint,
)
from vo_service.api.throttle import Throttle
from vo_service.app import create_app, tap_description
from vo_service.assemble.discovery import discovery_blueprints, registry_blueprint
from vo_service.assemble.services import People, Services, assemble, request_limits
from vo_service.engines.base import EngineUnavailable
from vo_service.login.blueprint import Login, login_blueprint
from vo_service.login.oidc import OidcProvider, OidcSettings
from vo_service.login.proxy import ProxyHeaders
from vo_service.login.roles import GroupRoles
from vo_service.settings import Settings
from vo_service.version import release
from vo_service.web.blueprint import UploadSettings, WebServices, web_blueprint
from vo_service.web.blueprint.administration import AdministrationViews
from vo_service.web.blueprint.pipelines import PipelineViews
from vo_service.web.jobs import JobDesk
from vo_service.web.querying import QueryDesk
from vo_service.web.shell import Shell
from vo_service.web.sign_in import SignInPage
from vo_service.web.site import Site
from vosi.availability import Availability, RecentAvailability

__all__ = ["make_app"]

_ROOM_BYTES = 2**20
"""Free bytes below which the metadata database may not be able to write any more."""

_FULL = "no space is left on the disk of the service: data can be read, and nothing can be stored"


def make_app(settings: Settings) -> Flask:
    """Build the web application of one process."""
    services = assemble(settings)
    people, processing = services.people, services.processing
    started = datetime.now(UTC)

    def availability() -> Availability:
        try:
            services.data.catalogue.tables(OPERATOR)
            services.data.processor.check()
        except (EngineUnavailable, MetadataUnavailable) as error:
            return Availability(available=False, up_since=started, notes=(str(error),))
        notes = (_FULL,) if shutil.disk_usage(settings.home).free < _ROOM_BYTES else ()
        return Availability(available=True, up_since=started, notes=notes)

    checked = RecentAvailability(availability)
    shell = _shell(settings, people)
    pages = PipelineViews(
        processing.catalogue,
        processing.processes,
        processing.dry_runs,
        services.data.products,
        people.releases,
        shell,
    )
    runs = processing.blueprints(
        people.authentication.required, f"{settings.base_url}/pipelines", pages
    )
    throttle = Throttle(settings.api_requests_per_minute, settings.api_requests_burst)
    return create_app(
        settings,
        services.queries,
        services.jobs.service,
        checked,
        people.authentication,
        uploads=services.uploads,
        user_tables=services.data.user_tables.service if settings.user_tables_max else None,
        blueprints=[
            (login_blueprint(_login(settings, people, shell)), ""),
            (_api(settings, services, throttle), "/api"),
            (environment_blueprint(settings.title), ""),
            (_pages(settings, services, shell, pages, throttle), ""),
            *((blueprint, f"/pipelines{end}") for blueprint, end in runs),
            *discovery_blueprints(settings, services, checked),
            (registry_blueprint(settings, services, tap_description(settings)), "/oai"),
        ],
    )


def _api(settings: Settings, services: Services, throttle: Throttle) -> Blueprint:
    people = services.people
    return api_blueprint(
        ApiServices(
            people.accounts,
            people.credentials,
            people.releases,
            services.data.products,
            services.data.resumable,
            people.authentication,
            services.processing.processes,
        ),
        ApiSettings(
            base_url=settings.base_url,
            title=settings.title,
            version=release(),
            upload_max_bytes=settings.product_max_bytes,
            spool_folder=settings.uploads_folder,
            publisher=settings.publisher,
        ),
        throttle=throttle,
    )


def _shell(settings: Settings, people: People) -> Shell:
    site = Site(
        settings.title,
        settings.publisher,
        settings.base_url,
        release(),
        settings.contact,
        settings.notice,
        settings.pages_folder,
        settings.anonymous_read,
    )
    return Shell(site, people.authentication)


def _desk(services: Services) -> QueryDesk:
    settings = services.settings
    return QueryDesk(
        services.queries,
        request_limits(settings),
        settings.sync_timeout_s,
        services.people.authentication.visitor,
        services.uploads,
    )


def _pages(
    settings: Settings,
    services: Services,
    shell: Shell,
    pages: PipelineViews,
    throttle: Throttle,
) -> Blueprint:
    return web_blueprint(
        WebServices(
            services.people.accounts,
            services.people.credentials,
            services.people.releases,
            services.data.products,
            DatasetService(SqlDatasetStore(services.database), services.data.products),
            services.processing.processes,
            _desk(services),
            JobDesk(
                services.jobs.service,
                services.jobs.store,
                services.processing.processes,
                services.uploads,
            ),
            pages,
            AdministrationViews(
                services.people.accounts,
                services.people.releases,
                services.data.products,
                services.jobs.store,
                settings.home,
                shell,
            ),
            services.data.maps,
        ),
        shell,
        UploadSettings(settings.product_max_bytes, settings.uploads_folder),
        throttle,
    )


def _login(settings: Settings, people: People, shell: Shell) -> Login:
    roles = GroupRoles(
        frozenset(settings.external_login_groups),
        frozenset(settings.coordinator_groups),
        frozenset(settings.operator_groups),
    )
    external = []
    oidc = proxy = None
    if settings.oidc_issuer is not None:
        secret = settings.oidc_client_secret
        described = OidcSettings(
            settings.oidc_issuer,
            settings.oidc_client_id or "",
            None if secret is None else secret.get_secret_value(),
            settings.oidc_scopes,
            f"{settings.base_url}/login/oidc/callback",
            settings.oidc_name_claim,
            settings.oidc_groups_claim,
        )
        oidc = OidcProvider(described, roles)
        external.append("/login/oidc")
    if settings.proxy_user_header is not None:
        proxy = ProxyHeaders(
            settings.proxy_user_header,
            settings.proxy_groups_header,
            settings.proxy_email_header,
            settings.proxy_display_name_header,
            roles,
        )
        external.append("/login/proxy")
    return Login(
        people.accounts,
        people.credentials,
        people.authentication,
        SignInPage(shell, tuple(external)),
        settings.base_url,
        oidc,
        proxy,
    )
