"""Routes of the website."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Blueprint, Flask, Response, request
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext

from pipelines.errors import PipelineNotFound
from registry.accounts.credentials import CredentialService
from registry.accounts.service import AccountService
from registry.errors import (
    AccountNotFound,
    LoginRequired,
    ProductConflict,
    ProductNotFound,
    ReleaseNotFound,
    UploadTooLarge,
)
from registry.maps.folder import MapFolder
from registry.model.curated_dataset import DatasetNotFound
from registry.products.datasets import DatasetService
from registry.products.service import ProductService
from registry.releases import ReleaseService
from uws.blueprint import STATUS as JOB_STATUS
from vo_service.api.errors import ApiError
from vo_service.api.processes import ProcessNotFound, ProcessService
from vo_service.api.throttle import Throttle
from vo_service.http.authentication import CsrfRejected
from vo_service.http.errors import install_errors
from vo_service.web.blueprint.account import AccountViews
from vo_service.web.blueprint.administration import AdministrationViews
from vo_service.web.blueprint.datasets import DatasetViews
from vo_service.web.blueprint.frame import FrameViews
from vo_service.web.blueprint.jobs import JobViews
from vo_service.web.blueprint.landing import LandingViews
from vo_service.web.blueprint.pipelines import PipelineViews
from vo_service.web.blueprint.products import ProductViews
from vo_service.web.blueprint.query import QueryViews
from vo_service.web.blueprint.registration import RegistrationViews, UploadSettings
from vo_service.web.jobs import JobDesk
from vo_service.web.plots import Plotter
from vo_service.web.querying import QueryDesk
from vo_service.web.shell import Shell

__all__ = ["UploadSettings", "WebServices", "web_blueprint"]


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (ProductNotFound, 404),
    (ReleaseNotFound, 404),
    (DatasetNotFound, 404),
    (AccountNotFound, 404),
    (ProcessNotFound, 404),
    (ProductConflict, 409),
    (UploadTooLarge, 413),
    (PipelineNotFound, 404),
    *JOB_STATUS,
)
"""Statuses of errors that VO protocols do not meet."""


@dataclass(frozen=True, slots=True)
class WebServices:
    """What the pages speak for."""

    accounts: AccountService
    credentials: CredentialService
    releases: ReleaseService
    products: ProductService
    datasets: DatasetService
    processes: ProcessService
    queries: QueryDesk
    jobs: JobDesk
    pipelines: PipelineViews
    administration: AdministrationViews
    maps: MapFolder


def web_blueprint(
    services: WebServices, shell: Shell, uploads: UploadSettings, throttle: Throttle
) -> Blueprint:
    """Make the pages.

    Parameters
    ----------
    services
        What they show.
    shell
        Their frame.
    uploads
        Limits of files that come by a form.
    throttle
        Bounds what one visitor sends, by forms and to the API together.
    """
    blueprint = Blueprint("web", __name__, template_folder="../templates")
    plotter = Plotter(services.queries)
    for views in (
        FrameViews(shell),
        LandingViews(services.products, services.processes, shell),
        ProductViews(services.products, services.releases, plotter, shell, services.maps),
        RegistrationViews(services.products, services.releases, services.accounts, uploads, shell),
        DatasetViews(services.datasets, shell),
        AccountViews(services.accounts, services.credentials, shell),
        QueryViews(services.queries, plotter, services.jobs, shell),
        JobViews(services.jobs, shell),
        services.pipelines,
        services.administration,
    ):
        views.install(blueprint)

    def message(text: str, status: int) -> Response:
        return shell.message(text, status)

    install_errors(blueprint, message)
    for kind, status in _STATUS:
        blueprint.register_error_handler(
            kind, lambda error, status=status: message(shell.sentence(error), status)
        )

    @blueprint.before_request
    def count_form() -> None:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            throttle.count(shell.sender())

    @blueprint.errorhandler(ApiError)
    def refuse_body(error: ApiError) -> Response:
        answer = message(shell.sentence(error), error.status)
        answer.headers.update(error.headers)
        return answer

    @blueprint.errorhandler(LoginRequired)
    def ask_for_login(_error: LoginRequired) -> Response:
        return shell.log_in_first()

    @blueprint.errorhandler(CsrfRejected)
    def explain_csrf(_error: CsrfRejected) -> Response:
        sentence = gettext(
            "Nothing was changed: this form is out of date, or another site made your browser "
            "send it. Go back, load the page again, and send it once more."
        )
        return message(sentence, 403)

    @blueprint.record_once
    def teach(state: BlueprintSetupState) -> None:
        shell.install(cast("Flask", state.app))

    return blueprint
