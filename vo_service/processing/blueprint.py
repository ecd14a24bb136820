"""Routes of pipelines: the list, the description of each, its jobs, and dry runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, request

from pipelines.catalogue import OfferedPipeline, PipelineCatalogue
from pipelines.errors import (
    ConfigurationRejected,
    InputsRejected,
    PipelineError,
    PipelineNotFound,
)
from pipelines.handler import job_kind
from pipelines.request import PRODUCT_PARAMETERS, PipelineRequest
from pipelines.shelf import ProductShelf
from registry.model.principal import Principal
from uws.blueprint import uws_blueprint
from uws.errors import UwsError
from uws.model import Parameter
from uws.service import JobService
from vo_service.http.bodies import refuse_cut_form
from vo_service.http.browsers import wants_page
from vo_service.http.errors import install_errors, text_error
from vo_service.processing.dry_run import DryRuns
from vo_service.processing.files import JobFiles

__all__ = ["PipelinePages", "PipelineRoutes", "pipeline_blueprints"]

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (PipelineNotFound, 404),
    (ConfigurationRejected, 400),
    (InputsRejected, 400),
    (PipelineError, 400),
)
"""Statuses of errors that the rest of the service does not know."""


class PipelinePages(Protocol):
    """Pages of pipelines, at the addresses where programs get JSON."""

    def show_list(self) -> Response:
        """Show the pipelines."""

    def show_pipeline(self, name: str) -> Response:
        """Show one of them."""


@dataclass(frozen=True, slots=True)
class PipelineRoutes:
    """What the routes of pipelines speak for.

    Attributes
    ----------
    catalogue
        The pipelines.
    jobs
        What callers may do with jobs.
    files
        Keeps files that come with jobs.
    shelf
        Products.
    dry_runs
        Checks requests.
    required
        Tells who makes the request at hand; raises where nobody does.
    pages
        Shows pipelines to people.
    """

    catalogue: PipelineCatalogue
    jobs: JobService
    files: JobFiles
    shelf: ProductShelf
    dry_runs: DryRuns
    required: Callable[[], Principal]
    pages: PipelinePages | None = None


def pipeline_blueprints(routes: PipelineRoutes, url: str) -> list[tuple[Blueprint, str]]:
    """Make the blueprints, each with the end of its address below that of all pipelines.

    Parameters
    ----------
    routes
        What they speak for.
    url
        Absolute public address of the list of pipelines, without trailing slash.
    """
    found = [(_descriptions(routes, url), "")]
    for offered in routes.catalogue:
        jobs = uws_blueprint(
            routes.jobs,
            kind=job_kind(offered.name),
            jobs_url=f"{url}/{offered.name}/async",
            owner=lambda: routes.required().user,
            accept_upload=routes.files.keep,
            name=f"jobs_{offered.name}",
        )
        jobs.before_request(_checked(routes, offered))
        _answer_errors(jobs)
        found.append((jobs, f"/{offered.name}/async"))
    return found


def _checked(routes: PipelineRoutes, offered: OfferedPipeline) -> Callable[[], None]:
    names = {"input", "inputs", *(group.name.casefold() for group in offered.specification.inputs)}

    def check() -> None:
        # Whoever has no account has no jobs here: a challenge says more than an empty list.
        owner = routes.required().user or ""
        if request.method != "POST":
            return
        problems: list[str] = []
        for name, value in _sent():
            for reference in value.split(",") if name.casefold() in names else ():
                try:
                    routes.shelf.take(owner, reference.strip())
                except InputsRejected as error:
                    problems += error.problems
        if problems:
            raise InputsRejected(problems)

    return check


def _sent() -> list[tuple[str, str]]:
    sent = [*request.args.items(multi=True), *request.form.items(multi=True)]
    refuse_cut_form()
    return sent


def _descriptions(routes: PipelineRoutes, url: str) -> Blueprint:
    blueprint = Blueprint("pipelines", __name__)

    @blueprint.get("")
    def list_pipelines() -> Response:
        if routes.pages is not None and wants_page():
            return routes.pages.show_list()
        found = [_summary(offered, url) for offered in routes.catalogue]
        return jsonify(found)

    @blueprint.get("/<name>")
    def show_pipeline(name: str) -> Response:
        offered = routes.catalogue.pipeline(name)
        if routes.pages is not None and wants_page():
            return routes.pages.show_pipeline(name)
        return jsonify(_description(offered, url))

    @blueprint.post("/<name>/check")
    def check_pipeline(name: str) -> Response:
        owner = routes.required().user
        offered = routes.catalogue.pipeline(name)
        sent = [Parameter(key, value) for key, value in _sent()]
        asked = PipelineRequest.parse(offered.specification, sent)
        files = {
            part: request.files[part].stream.read()
            for part in offered.specification.file_parameters
            if part in request.files
        }
        summary = routes.dry_runs.check(offered, owner or "", asked, files)
        return jsonify({"status": "accepted", "summary": summary})

    install_errors(blueprint)
    blueprint.register_error_handler(UwsError, _answer(503))
    _answer_errors(blueprint)
    return blueprint


def _answer_errors(blueprint: Blueprint) -> None:
    for kind, status in _STATUS:
        blueprint.register_error_handler(kind, _answer(status))


def _answer(status: int) -> Callable[[Exception], Response]:
    def answer(error: Exception) -> Response:
        return text_error(str(error), status)

    return answer


def _summary(offered: OfferedPipeline, url: str) -> dict[str, Any]:
    specification = offered.specification
    return {
        "name": specification.name,
        "display_name": specification.display_name,
        "version": specification.version,
        "description": specification.description,
        "url": f"{url}/{specification.name}",
        "jobs_url": f"{url}/{specification.name}/async",
    }


def _description(offered: OfferedPipeline, url: str) -> dict[str, Any]:
    specification, site = offered.specification, offered.site
    fields = specification.parameters.model_fields
    defaults = specification.defaults()
    own = [
        {
            "name": name,
            "description": fields[name].description,
            "default": defaults[name],
            "file": name in specification.file_parameters,
        }
        for name in fields
    ]
    shared = [
        {"name": name, "description": text, "default": None, "file": False}
        for name, text in PRODUCT_PARAMETERS.items()
    ]
    return {
        **_summary(offered, url),
        "parameters": [*shared, *own],
        "schema": specification.schema(),
        "inputs": [
            {
                "group": group.name,
                "product_types": list(group.product_types),
                "minimum": group.minimum,
                "maximum": group.maximum,
                "roles": dict(group.columns),
                "required": list(group.required),
            }
            for group in specification.inputs
        ],
        "output": {
            "product_type": specification.output_type,
            "formats": list(specification.output_formats),
            "columns": [
                {"name": c.name, "ucd": c.ucd, "unit": c.unit, "description": c.description}
                for c in specification.output_columns
            ],
        },
        "limits": {"time_s": site.time_limit_s, "memory_bytes": site.memory_bytes},
    }
