"""Route of the publishing registry."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, request

from vo_service.discovery.harvest import Harvest
from vo_service.http.errors import install_errors, text_error
from vosi.document import XML_TYPE

__all__ = ["oai_blueprint"]


def oai_blueprint(harvest: Harvest | None, missing: Sequence[str], name: str = "oai") -> Blueprint:
    """Make the route that harvesters ask.

    Parameters
    ----------
    harvest
        Answers them; none where the site has not said who it is.
    missing
        Settings that the site must give for that.
    name
        Name of the blueprint, unique in the application.
    """
    blueprint = Blueprint(name, __name__)

    @blueprint.route("", methods=["GET", "POST"], strict_slashes=False)
    def harvest_records() -> Response:
        if harvest is None:
            words = " and ".join(missing)
            return text_error(f"This registry is not open: its operator must set {words}.", 404)
        arguments: dict[str, list[str]] = request.args.to_dict(flat=False)
        for key, values in request.form.to_dict(flat=False).items():
            arguments[key] = arguments.get(key, []) + values
        return Response(harvest.answer(arguments), content_type=XML_TYPE)

    install_errors(blueprint, text_error)
    return blueprint
