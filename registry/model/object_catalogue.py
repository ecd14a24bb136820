"""Object catalogues of data releases, which stay where they are on the site's disks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["BAND", "ObjectCatalogue", "bands_of"]

BAND = "{band}"
"""Stands for the name of a band in patterns of columns."""


@dataclass(frozen=True, slots=True)
class ObjectCatalogue:
    """A HATS catalogue of objects, or a folder of several that differ in their photometry.

    Attributes
    ----------
    name
        Within its release.
    folder
        Absolute path of the catalogue or collection; or of a folder with catalogues below
        ``<flux|mag>/<type of flux>/<dereddening>``, as the Photo-z Server has them.
    id_column
        Column with the identifier of the object; empty where there is none.
    fluxes
        Patterns of the columns with flux and error in nJy, by type of flux, with ``{band}`` for
        the band: ``{"cmodel": ("{band}_cModelFlux", "{band}_cModelFluxErr")}``.
    maps
        Paths of maps of E(B-V), by name of the dereddening.
    """

    name: str
    folder: str
    id_column: str = ""
    fluxes: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)
    maps: Mapping[str, str] = field(default_factory=dict, hash=False)


def bands_of(pattern: str, names: Iterable[str]) -> dict[str, str]:
    """Find the columns that a pattern describes.

    Parameters
    ----------
    pattern
        With ``{band}`` once.
    names
        Of all columns.

    Returns
    -------
    dict
        Column by band, in the order of `names`.
    """
    before, _, after = pattern.partition(BAND)
    shape = re.compile(f"{re.escape(before)}([A-Za-z0-9]+){re.escape(after)}")
    return {match[1]: name for name in names if (match := shape.fullmatch(name))}
