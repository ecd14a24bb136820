"""Routes of coverage maps: of each table with positions, and of all that a caller may see."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import Lock

from flask import Blueprint, Response, request

from registry.coverage import FORMATS, coarser, united, written
from registry.model.principal import Principal
from registry.model.table import TableSet
from vo_service.dali.errors import InvalidParameter
from vo_service.dali.params import Parameters
from vo_service.http.errors import install_errors, text_error
from vosi.tables import find_table

__all__ = ["moc_blueprint"]

_UNIONS = 64
"""United maps in memory: one for each different set of tables that callers see."""

_FINE_MAPS = 200
"""Maps that are united as they are; of more a coarser union is made, which covers no less."""

_COARSE_ORDER = 7
"""Cells of half a degree."""


def moc_blueprint(
    *,
    tables: Callable[[Principal], TableSet],
    principal: Callable[[], Principal],
    name: str = "moc",
) -> Blueprint:
    """Make the routes ``/`` and ``/<table>``; ``format`` is ``fits``, ``json`` or ``ascii``.

    Parameters
    ----------
    tables
        What a caller may query.
    principal
        Who asks, for the request at hand.
    name
        Name of the blueprint, unique in the application.
    """
    blueprint = Blueprint(name, __name__)
    making = Lock()

    @lru_cache(_UNIONS)
    def union(maps: frozenset[str]) -> str | None:
        many = len(maps) > _FINE_MAPS
        return united(coarser(each, _COARSE_ORDER) if many else each for each in sorted(maps))

    @blueprint.get("", strict_slashes=False)
    def show_union() -> Response:
        seen = tables(principal())
        maps = frozenset(each.coverage for each in seen if each.coverage is not None)
        # Who comes first works for all who wait.
        with making:
            whole = union(maps)
        return _answer(whole, "the tables that you may see have no positions", "coverage")

    @blueprint.get("/<table_name>", strict_slashes=False)
    def show_map(table_name: str) -> Response:
        table = find_table(tables(principal()), table_name)
        missing = f"there is no coverage map of {table_name[:200]}: see the tables under /tap"
        coverage = None if table is None else table.coverage
        return _answer(coverage, missing, table_name)

    install_errors(blueprint, text_error)
    return blueprint


def _answer(coverage: str | None, missing: str, name: str) -> Response:
    form = (_form() or "fits").strip().lower()
    if form not in FORMATS:
        raise InvalidParameter("format", form, f"give one of {', '.join(FORMATS)}")
    if coverage is None:
        response = text_error(missing, 404)
    else:
        response = Response(written(coverage, form), content_type=FORMATS[form])
        if form == "fits":
            response.headers["Content-Disposition"] = f'inline; filename="{name}.moc.fits"'
    response.vary.add("Authorization")
    return response


def _form() -> str | None:
    return Parameters(request.args.to_dict(flat=False)).single("format")
