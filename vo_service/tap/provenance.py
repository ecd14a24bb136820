"""Statements about a result that precede its table: where it comes from."""

from __future__ import annotations

from collections.abc import Callable

from registry.formats.writers.base import ResultInfo
from vo_service.dali.request import TapRequest

__all__ = ["request_infos"]


def request_infos(publisher: str, tap_url: str) -> Callable[[TapRequest], tuple[ResultInfo, ...]]:
    """Make the statements that precede the table of every result.

    Parameters
    ----------
    publisher, tap_url
        Who publishes the data, and the public URL of the service.

    Notes
    -----
    DALI 1.1, section 4.4.
    """

    def infos(asked: TapRequest) -> tuple[ResultInfo, ...]:
        return (
            ResultInfo("standardID", "ivo://ivoa.net/std/TAP"),
            ResultInfo("publisher", publisher),
            ResultInfo("reference_url", tap_url, ucd="meta.ref.url"),
            ResultInfo("query", asked.query),
        )

    return infos
