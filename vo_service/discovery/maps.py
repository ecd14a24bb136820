"""Routes of maps of catalogues: ``/<table>/density.fits`` and the other files."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, send_file

from registry.maps.folder import FILES, MapFolder
from registry.model.dataset import MAP_KINDS
from registry.model.principal import Principal
from registry.model.table import TableSet
from vo_service.http.errors import install_errors, text_error
from vosi.tables import find_table

__all__ = ["maps_blueprint"]


def maps_blueprint(
    *,
    tables: Callable[[Principal], TableSet],
    folder: MapFolder,
    principal: Callable[[], Principal],
    name: str = "maps",
) -> Blueprint:
    """Make the route ``/<table>/<file>``.

    Parameters
    ----------
    tables
        What a caller may query.
    folder
        Keeps maps.
    principal
        Who asks, for the request at hand.
    name
        Name of the blueprint, unique in the application.
    """
    blueprint = Blueprint(name, __name__)

    @blueprint.get("/<table_name>/<file_name>")
    def show_map(table_name: str, file_name: str) -> Response:
        table = find_table(tables(principal()), table_name)
        path = None if table is None else folder.path(table.storage.relation, file_name)
        if path is None:
            names = ", ".join(f"{kind}{ending}" for kind in MAP_KINDS for ending in FILES)
            said = f"there is no map {file_name[:60]} of {table_name[:200]}: there may be {names}"
            response = text_error(f"{said}; maps are made some time after a table", 404)
        else:
            ending = file_name[file_name.index(".") :]
            response = send_file(path, mimetype=FILES[ending], conditional=True)
        response.vary.add("Authorization")
        return response

    install_errors(blueprint, text_error)
    return blueprint
