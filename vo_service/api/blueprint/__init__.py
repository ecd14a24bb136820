"""Routes of the API, made from the declarations of their operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response

from registry.accounts.credentials import CredentialService
from registry.accounts.service import AccountService
from registry.model.principal import OPERATOR
from registry.products.resumable import ResumableUploads
from registry.products.service import ProductService
from registry.releases import ReleaseService
from vo_service.api.blueprint.answers import answer, object_answer
from vo_service.api.blueprint.citation import CitationViews
from vo_service.api.blueprint.contents import ContentViews
from vo_service.api.blueprint.description import DescriptionViews
from vo_service.api.blueprint.errors import install_api_errors
from vo_service.api.blueprint.files import FileViews
from vo_service.api.blueprint.guard import Guard
from vo_service.api.blueprint.inspection import InspectionViews
from vo_service.api.blueprint.listings import ListingViews
from vo_service.api.blueprint.people import PeopleViews
from vo_service.api.blueprint.processes import ProcessViews
from vo_service.api.blueprint.product_downloads import DownloadViews
from vo_service.api.blueprint.products import ProductViews
from vo_service.api.blueprint.uploads import UploadViews
from vo_service.api.lists import ListRules
from vo_service.api.models.people import Environment
from vo_service.api.openapi import describe
from vo_service.api.operation import Access, Operation, operations_of
from vo_service.api.presentation import Presentation
from vo_service.api.processes import ProcessService
from vo_service.api.product_filters import ProductFilterParser
from vo_service.api.throttle import Throttle
from vo_service.http.authentication import Authentication

__all__ = ["ApiServices", "ApiSettings", "api_blueprint", "environment_blueprint"]


@dataclass(frozen=True, slots=True)
class ApiServices:
    """What the API speaks for; without `processes` the service runs no pipelines."""

    accounts: AccountService
    credentials: CredentialService
    releases: ReleaseService
    products: ProductService
    resumable: ResumableUploads
    authentication: Authentication
    processes: ProcessService | None = None


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """How the API is set up.

    Attributes
    ----------
    base_url
        Public base of all URLs, without trailing slash.
    title, version
        Of the service.
    publisher
        Who publishes the data.
    upload_max_bytes
        Size of an uploaded file at most.
    spool_folder
        Where a file waits whose form says only behind it what it is.
    requests_per_minute, requests_burst
        What one caller may ask, for ever and at once; 0 per minute sets no limit.
    """

    base_url: str
    title: str
    version: str
    upload_max_bytes: int
    spool_folder: Path
    requests_per_minute: float = 6000
    requests_burst: int = 2000
    publisher: str = "Unregistered data centre"


def api_blueprint(
    services: ApiServices,
    settings: ApiSettings,
    name: str = "api",
    prefix: str = "/api",
    throttle: Throttle | None = None,
) -> Blueprint:
    """Make the routes of the API.

    Parameters
    ----------
    services
        What the API speaks for.
    settings
        How it is set up.
    name
        Name of the blueprint, unique in the application.
    prefix
        Path under which it is registered.
    throttle
        Bounds what one caller asks here and elsewhere together; one of its own by default.
    """
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    throttle = throttle or Throttle(settings.requests_per_minute, settings.requests_burst)
    guard = Guard(services.authentication, services.releases.policy, throttle)
    declared = [
        known
        for views in _views(services, settings, guard, f"{settings.base_url}{prefix}/")
        for known in operations_of(views)
    ]
    operations = [operation for operation, _ in declared]

    @cache
    def document() -> dict[str, Any]:
        return describe(
            operations,
            title=settings.title,
            version=settings.version,
            server_url=f"{settings.base_url}{prefix}",
        )

    described = operations_of(DescriptionViews(document))
    operations += [operation for operation, _ in described]
    lists = {known.path for known in operations if known.rules is not None}
    for operation, view in declared + described:
        # Flask would describe the routes of a list by itself, without its filters.
        _add(blueprint, operation, guard.wrap(operation, view), operation.path not in lists)
        if operation.rules is not None:
            methods = {known.method for known in operations if known.path == operation.path}
            _add_options(blueprint, operation, operation.rules, methods, guard)
    install_api_errors(blueprint)

    return blueprint


def _views(
    services: ApiServices, settings: ApiSettings, guard: Guard, api_url: str
) -> tuple[object, ...]:
    products, releases = services.products, services.releases
    presentation = Presentation(products, releases, services.processes, api_url)
    filters = ProductFilterParser(lambda: releases.releases(OPERATOR), services.accounts.users)
    return (
        PeopleViews(services.accounts, services.credentials, services.authentication, guard),
        ListingViews(releases, guard, api_url),
        ProductViews(products, releases, presentation, filters, guard),
        InspectionViews(products, services.processes, presentation, guard),
        DownloadViews(products, presentation, guard),
        CitationViews(products, guard, settings.publisher, settings.base_url),
        ContentViews(products, guard),
        FileViews(products, presentation, guard, settings.upload_max_bytes, settings.spool_folder),
        UploadViews(products, presentation, services.resumable, guard),
        ProcessViews(services.processes, releases, presentation, guard),
    )


def _add(
    blueprint: Blueprint,
    operation: Operation,
    view: Callable[..., Response],
    described_by_flask: bool,
) -> None:
    blueprint.add_url_rule(
        operation.path,
        endpoint=operation.name,
        view_func=view,
        methods=[operation.method],
        provide_automatic_options=described_by_flask,
    )


def _add_options(
    blueprint: Blueprint, operation: Operation, rules: ListRules, methods: set[str], guard: Guard
) -> None:
    """Describe a list on OPTIONS, as the client wants it before it filters."""
    described = Operation(
        method="OPTIONS",
        path=operation.path,
        summary="Describe the list.",
        tag=operation.tag,
        access=Access.PUBLIC,
        name=f"{operation.name}_options",
    )
    allowed = ", ".join(sorted({*methods, "HEAD", "OPTIONS"}))

    def show() -> Response:
        response = object_answer(rules.options())
        response.headers["Allow"] = allowed
        return response

    _add(blueprint, described, guard.wrap(described, show), described_by_flask=False)


def environment_blueprint(title: str, *, development: bool = False) -> Blueprint:
    """Make the route ``/which_environment/``, which clients of the Photo-z Server know.

    Parameters
    ----------
    title
        Name of the service.
    development
        Whether it is no service for real work.
    """
    blueprint = Blueprint("environment", __name__)

    @blueprint.get("/which_environment/")
    def show_environment() -> Response:
        return answer(Environment(enviroment_name=title, is_dev=development))

    return blueprint
