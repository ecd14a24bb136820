"""Routes of the website."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Blueprint, Flask, Response
from flask.blueprints import BlueprintSetupState

from registry.errors import AccountNotFound, ProductConflict, ProductNotFound, ReleaseNotFound
from registry.products.service import ProductService
from registry.releases import ReleaseService
from vo_service.api.processes import ProcessNotFound, ProcessService
from vo_service.http.errors import install_errors
from vo_service.web.blueprint.frame import FrameViews
from vo_service.web.blueprint.landing import LandingViews
from vo_service.web.blueprint.products import ProductViews
from vo_service.web.shell import Shell

__all__ = ["WebServices", "web_blueprint"]


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (ProductNotFound, 404),
    (ReleaseNotFound, 404),
    (AccountNotFound, 404),
    (ProcessNotFound, 404),
    (ProductConflict, 409),
)
"""Statuses of errors that VO protocols do not meet."""


@dataclass(frozen=True, slots=True)
class WebServices:
    """What the pages speak for."""

    products: ProductService
    releases: ReleaseService
    processes: ProcessService


def web_blueprint(services: WebServices, shell: Shell) -> Blueprint:
    """Make the pages.

    Parameters
    ----------
    services
        What they show.
    shell
        Their frame.
    """
    blueprint = Blueprint("web", __name__, template_folder="../templates")
    for views in (
        FrameViews(shell),
        LandingViews(services.products, services.processes, shell),
        ProductViews(services.products, services.releases, shell),
    ):
        views.install(blueprint)

    def message(text: str, status: int) -> Response:
        return shell.message(text, status)

    install_errors(blueprint, message)
    for kind, status in _STATUS:
        blueprint.register_error_handler(
            kind, lambda error, status=status: message(_sentence(error), status)
        )

    @blueprint.record_once
    def teach(state: BlueprintSetupState) -> None:
        shell.install(cast("Flask", state.app))

    return blueprint


def _sentence(error: Exception) -> str:
    message = str(error)
    return message[:1].upper() + message[1:]
