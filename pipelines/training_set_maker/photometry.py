"""Fluxes of the matched objects as AB magnitudes, corrected for the dust of the Galaxy."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipelines.errors import InputsRejected
from pipelines.training_set_maker.columns import Words
from pipelines.training_set_maker.matching import Doubles, doubles
from pipelines.training_set_maker.objects import ObjectSource
from pipelines.training_set_maker.parameters import TrainingSetParameters
from registry.model.object_catalogue import bands_of

__all__ = ["Photometry", "plan_photometry"]

ZERO_POINT = 31.4
"""AB magnitude of a flux of one nJy."""

COEFFICIENTS: Mapping[str, float] = {
    "u": 4.81, "g": 3.64, "r": 2.70, "i": 2.06, "z": 1.58, "y": 1.31
}  # fmt: skip
"""Extinction in magnitudes for E(B-V) of one, by band of LSST (contract, part 2.2; as in the
preparation of DP0.2 for the Photo-z Server)."""

_NONE = ("none", "")

Dust = Callable[[Doubles, Doubles], Doubles]
"""Gives E(B-V) at positions in degrees, ICRS."""


@dataclass(frozen=True, slots=True)
class Photometry:
    """What is computed of the columns of an object catalogue.

    Attributes
    ----------
    kind
        Type of the flux; none where the columns stay as they are.
    bands
        Columns with flux and error, by band.
    to_magnitudes
        Whether magnitudes are given.
    dereddening
        Name of the map; none without.
    map_path
        Of the map.
    chosen
        Names of what is computed and wanted, in their order.
    remarks
        What the user should know.
    """

    kind: str | None = None
    bands: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    to_magnitudes: bool = False
    dereddening: str | None = None
    map_path: str | None = None
    chosen: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def offered(self) -> dict[str, tuple[str, bool]]:
        """Band of what can be computed, and whether it is an error, by name."""
        if not (self.to_magnitudes or self.dereddening):
            return {}
        value, error = ("mag", "magerr") if self.to_magnitudes else ("flux", "fluxerr")
        dered = "_dered" if self.dereddening else ""
        return {
            f"{word}{dered}_{band}": (band, is_error)
            for band in self.bands
            for word, is_error in ((value, False), (error, True))
        }

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns that are needed for what is wanted."""
        bands = dict.fromkeys(self.offered[name][0] for name in self.chosen)
        return tuple(column for band in bands for column in self.bands[band])

    def words(self, name: str) -> Words:
        """Say what a computed column means."""
        band, is_error = self.offered[name]
        kind = "phot.mag" if self.to_magnitudes else "phot.flux.density"
        what = "AB magnitude" if self.to_magnitudes else "Flux"
        dust = f", corrected for dust by {self.dereddening}" if self.dereddening else ""
        text = f"{what} in {band} of {self.bands[band][0]}{dust}"
        return Words(
            "mag" if self.to_magnitudes else "nJy",
            f"stat.error;{kind};em.opt" if is_error else f"{kind};em.opt",
            None,
            f"Error of: {text}" if is_error else text,
        )

    def compute(self, objects: pa.Table, ra: Doubles, dec: Doubles, dust: Dust) -> pa.Table:
        """Compute the columns that are wanted.

        Parameters
        ----------
        objects
            With the columns of `sources`.
        ra, dec
            Degrees, ICRS.
        dust
            Reads the map; asked only where it is needed.
        """
        made: dict[str, pa.Array] = {}
        reddening = dust(ra, dec) if self.dereddening and self.chosen else None
        for name in self.chosen:
            band, is_error = self.offered[name]
            flux, error = (doubles(objects[column]) for column in self.bands[band])
            if reddening is not None:
                factor = 10 ** (0.4 * COEFFICIENTS[band] * reddening)
                flux, error = flux * factor, error * factor
            values = error if is_error else flux
            if self.to_magnitudes:
                values = _magnitude_errors(flux, error) if is_error else _magnitudes(flux)
            made[name] = pa.array(values, mask=~np.isfinite(values))
        return pa.table(made)


def _magnitudes(flux: Doubles) -> Doubles:
    with np.errstate(all="ignore"):
        return np.where(flux > 0, -2.5 * np.log10(flux) + ZERO_POINT, np.nan)


def _magnitude_errors(flux: Doubles, error: Doubles) -> Doubles:
    with np.errstate(all="ignore"):
        return np.where(flux > 0, error / (flux * (0.4 * np.log(10))), np.nan)


def plan_photometry(source: ObjectSource, parameters: TrainingSetParameters) -> Photometry:
    """Choose the fluxes, the map and the columns that are computed.

    Parameters
    ----------
    source
        The object catalogue.
    parameters
        Of the run.

    Raises
    ------
    InputsRejected
        With everything that the catalogue does not have.
    """
    said = source.given.catalogue
    problems: list[str] = []
    fluxes = dict(said.fluxes) if said else {}
    kind = _kind(fluxes, parameters.flux_type, source.variant)
    remarks: tuple[str, ...] = ()
    photometry = Photometry()
    if kind is not None and kind not in fluxes:
        problems.append(f"flux_type: it has no {kind!r}; it has {', '.join(fluxes)}")
    elif kind is not None:
        photometry, problems = _of_fluxes(source, parameters, kind, fluxes[kind])
    elif not source.variant and parameters.convert_flux_to_mag:
        remarks = ("nothing says which columns are fluxes, so that all columns stay as they are",)
    wanted = parameters.selected_cols
    offered = photometry.offered
    for name in wanted:
        if name not in source.names and name not in offered:
            close = difflib.get_close_matches(name, [*source.names, *offered], n=3, cutoff=0.5)
            hint = f"; similar ones are {', '.join(map(repr, close))}" if close else ""
            problems.append(f"selected_cols: there is no column {name!r}{hint}")
    chosen = tuple(n for n in dict.fromkeys(wanted) if n in offered) if wanted else tuple(offered)
    problems += [
        f"column {name!r}, which is to be computed, exists already: take it with "
        "convert_flux_to_mag: false and dereddening: none"
        for name in chosen
        if name in source.names
    ]
    if problems:
        raise InputsRejected([f"[{source.name}] {problem}" for problem in problems])
    return Photometry(
        photometry.kind, photometry.bands, photometry.to_magnitudes, photometry.dereddening,
        photometry.map_path, chosen, remarks,
    )  # fmt: skip


def _kind(fluxes: Mapping[str, Sequence[str]], asked: str, variant: str) -> str | None:
    if not fluxes or variant:
        return None
    return next(iter(fluxes)) if asked == "auto" and asked not in fluxes else asked


def _of_fluxes(
    source: ObjectSource, parameters: TrainingSetParameters, kind: str, patterns: tuple[str, str]
) -> tuple[Photometry, list[str]]:
    fluxes, errors = (bands_of(pattern, source.names) for pattern in patterns)
    bands = {band: (name, errors[band]) for band, name in fluxes.items() if band in errors}
    problems = []
    if not bands:
        problems.append(f"flux_type: no columns are like {patterns[0]!r} and {patterns[1]!r}")
    said = source.given.catalogue
    maps = dict(said.maps) if said else {}
    name = parameters.dereddening
    dereddening = None if name in _NONE else name
    if dereddening is not None and dereddening not in maps:
        known = ", ".join([*maps, "none"])
        problems.append(f"dereddening: there is no map {name!r}; there is {known}")
        dereddening = None
    if dereddening is not None:
        unknown = [band for band in bands if band not in COEFFICIENTS]
        problems += [
            f"dereddening: the extinction in band {band!r} is not known; take dereddening: none"
            for band in unknown
        ]
    path = maps.get(dereddening) if dereddening else None
    made = Photometry(kind, bands, parameters.convert_flux_to_mag, dereddening, path)
    return made, problems
