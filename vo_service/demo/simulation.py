"""The simulated sky: truth and imaging of every object, before it becomes tables."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.photometry import is_catalogued, observed_photometry
from vo_service.demo.population import drawn_population, objects_per_deg2
from vo_service.demo.sky import (
    FIELDS,
    Field,
    IntArray,
    clustered_placement,
    dust_map,
    last_visits,
    object_identifiers,
    sky_position,
)
from vo_service.demo.spectra import BANDS

BoolArray = npt.NDArray[np.bool_]

MIN_ROWS = 1000
"""Fewest objects with which every product has rows."""

STAR_VELOCITY_SPREAD = 3e-4
"""Spread of radial velocities of halo and disc stars over the speed of light, 90 km/s."""

PROBE_OBJECTS = 2000
"""Objects at most in the draw that measures the detected fraction of a field."""


@dataclass(frozen=True, slots=True)
class SimulatedSky:
    """Every catalogued object, in the order of its identifier; arrays of one length.

    Attributes
    ----------
    object_id
        Unique identifier, above 2**53.
    field
        Index in `sky.FIELDS`.
    ra_deg, dec_deg
        ICRS position.
    redshift
        True redshift; of stars what their radial velocity makes.
    family
        Position on the template sequence, 0 to 4.
    is_star
        Whether the object is a star.
    reddening
        E(B-V).
    magnitudes, errors
        Observed, shape (n, bands), NaN where not measured.
    snr_i
        Signal to noise in i.
    extendedness
        0 looks like a point, 1 extended, -1 not measured.
    is_blended
        Whether the object was separated from a neighbour.
    last_visit
        Time of the last observation (UTC), microseconds.
    """

    object_id: IntArray
    field: IntArray
    ra_deg: FloatArray
    dec_deg: FloatArray
    redshift: FloatArray
    family: FloatArray
    is_star: BoolArray
    reddening: FloatArray
    magnitudes: FloatArray
    errors: FloatArray
    snr_i: FloatArray
    extendedness: npt.NDArray[np.int16]
    is_blended: BoolArray
    last_visit: npt.NDArray[np.datetime64]

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.object_id)

    @property
    def i_mag(self) -> FloatArray:
        """Observed i magnitudes; every catalogued object has one."""
        return self.magnitudes[:, BANDS.index("i")]

    @classmethod
    def of_seed(cls, rows: int, seed: int) -> SimulatedSky:
        """Simulate `rows` objects; the same seed gives the same sky.

        Raises
        ------
        ValueError
            If `rows` is less than 1000.
        """
        if rows < MIN_ROWS:
            msg = (
                f"rows={rows} is too few for every survey to have targets: give {MIN_ROWS} or more"
            )
            raise ValueError(msg)
        parts = [
            _observed_field(number, field, len(range(number, rows, len(FIELDS))), seed)
            for number, field in enumerate(FIELDS)
        ]
        merged = {
            item.name: np.concatenate([getattr(part, item.name) for part in parts])
            for item in fields(cls)
        }
        return cls(**merged).taken(np.argsort(merged["object_id"], kind="stable"))

    def taken(self, rows: npt.NDArray[np.integer]) -> SimulatedSky:
        """Return the sky of the given rows, in their order."""
        return SimulatedSky(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})


def _observed_field(number: int, field: Field, count: int, seed: int) -> SimulatedSky:
    # A stream per field, so that a field does not depend on the others.
    rng = np.random.default_rng([seed, number])
    # The first, too small draw tells which part of the objects is detected at this depth.
    draws = min(count, PROBE_OBJECTS)
    candidates = _candidates(number, field, draws, rng)
    while len(candidates) < count:
        draws = int(draws * count / max(len(candidates), 1) * 1.03) + 30
        candidates = _candidates(number, field, draws, rng)
    # Drawn in random order: the first ones are a fair sample.
    return candidates.taken(np.arange(count))


def _candidates(number: int, field: Field, draws: int, rng: np.random.Generator) -> SimulatedSky:
    side_deg = float(np.sqrt(draws / objects_per_deg2()))
    truth = drawn_population(draws, rng)
    place = clustered_placement(truth.redshift, truth.family, side_deg, rng)
    reddening = dust_map(field, place.x_deg, place.y_deg, rng)
    photometry = observed_photometry(truth.magnitudes, reddening, field.depth_offset_mag, rng)
    ra_deg, dec_deg = sky_position(field, place.x_deg, place.y_deg, side_deg)
    crowding = 0.05 + 0.12 * place.is_grouped + 0.1 * (photometry.snr_i < 12.0)
    star_shift = rng.normal(0.0, STAR_VELOCITY_SPREAD, draws)
    everything = SimulatedSky(
        object_id=object_identifiers(field, place.x_deg, place.y_deg, side_deg),
        field=np.full(draws, number, dtype=np.int64),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        redshift=np.where(truth.is_star, star_shift, place.redshift),
        family=truth.family,
        is_star=truth.is_star,
        reddening=reddening,
        magnitudes=photometry.magnitudes,
        errors=photometry.errors,
        snr_i=photometry.snr_i,
        extendedness=_extendedness(truth.is_star, photometry.snr_i, rng),
        is_blended=rng.random(draws) < crowding,
        last_visit=last_visits(draws, rng),
    )
    return everything.taken(np.flatnonzero(is_catalogued(photometry)))


def _extendedness(
    is_star: BoolArray, snr_i: FloatArray, rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    # Shapes of faint objects say little: both classes leak, galaxies into stars most.
    confusion = np.interp(snr_i, [7.0, 12.0, 30.0, 100.0], [0.35, 0.20, 0.04, 0.005])
    mistaken = rng.random(len(snr_i)) < confusion * np.where(is_star, 1.0, 0.6)
    extended = np.where(is_star ^ mistaken, 0, 1).astype(np.int16)
    unmeasured = rng.random(len(snr_i)) < np.where(snr_i < 9.0, 0.03, 0.001)
    return np.where(unmeasured, np.int16(-1), extended)
