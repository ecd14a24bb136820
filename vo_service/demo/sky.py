"""Where things are: fields, clustered positions, object identifiers, dust, visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vo_service.demo.cosmology import FloatArray, angular_size_deg

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Field:
    """A square of the sky that the imaging survey has observed.

    Attributes
    ----------
    name
        Name of the field.
    ra_deg, dec_deg
        Centre, ICRS degrees.
    tract
        Number of the sky-map cell, part of every identifier.
    reddening
        Mean E(B-V).
    depth_offset_mag
        Depth relative to the survey's mean depth.
    """

    name: str
    ra_deg: float
    dec_deg: float
    tract: int
    reddening: float
    depth_offset_mag: float


FIELDS = (
    Field("COSMOS-like", 150.10, 2.18, 4849, 0.018, 0.15),
    Field("ECDFS-like", 53.13, -28.10, 5063, 0.008, 0.10),
    Field("low ecliptic", 37.86, 6.98, 5525, 0.085, -0.10),
    Field("RA zero", 0.00, -0.60, 4431, 0.035, 0.00),
    Field("south polar", 76.00, -87.60, 84, 0.120, -0.15),
)
"""Fields like those of Rubin's first previews, one across RA = 0 and one by the pole."""

PATCHES_PER_SIDE = 10
"""Patches along one side of a tract, as in Rubin's sky map."""

TRACT_SHIFT = 47
"""Bit at which the tract stands in an identifier, which makes ids near 6e17."""

PATCH_SHIFT = 40
"""Bit at which the patch stands in an identifier."""

FIRST_VISIT = np.datetime64("2025-10-01T00:00:00", "us")
"""Start of the simulated observations (UTC)."""

VISITS_PER_FIELD = 220
"""Visits of one field in a season of about 250 nights."""

GROUP_RADIUS_MPC = 0.12
"""Scale of a small group of galaxies; it grows with the cube root of the members."""

WALL_RADIUS_MPC = 1.0
"""Scale of the structures in which groups stand together."""

GROUPS_PER_WALL = 15
"""Groups of one structure."""

SMALLEST_GROUP = 4.0
"""Fewest members of a group, before some are left to the field."""

LARGEST_GROUP = 150.0
"""Members of a rich cluster."""

VELOCITY_DISPERSION_KM_S = 350.0
"""Typical line-of-sight dispersion in groups."""

_COHERENCE = 0.005
_LIGHT_SPEED_KM_S = 299_792.458


@dataclass(frozen=True, slots=True)
class Placement:
    """Positions in the tangent plane of a field, and redshifts after grouping.

    Attributes
    ----------
    x_deg, y_deg
        Offsets from the field's south-western corner, in [0, side).
    redshift
        Redshifts with the group's own motion.
    is_grouped
        Whether the object belongs to a group.
    """

    x_deg: FloatArray
    y_deg: FloatArray
    redshift: FloatArray
    is_grouped: npt.NDArray[np.bool_]


def clustered_placement(
    redshift: FloatArray, family: FloatArray, side_deg: float, rng: np.random.Generator
) -> Placement:
    """Place objects of one field, galaxies of like redshift in groups and walls.

    Parameters
    ----------
    redshift
        True redshifts; objects at 0 are stars and are spread evenly.
    family
        Template positions in [0, 4]; old galaxies are grouped more often.
    side_deg
        Side of the square field in degrees.
    rng
        Source of randomness.

    Notes
    -----
    A Neyman-Scott process: galaxies sorted by redshift are cut into groups with a heavy
    tail of sizes, and groups into walls. Offsets wrap around the square's edges.
    """
    count = len(redshift)
    order = np.argsort(redshift, kind="stable")
    sizes = np.minimum(SMALLEST_GROUP * (rng.pareto(1.15, count) + 1.0), LARGEST_GROUP).astype(
        np.int64
    )
    starts = np.cumsum(sizes) - sizes
    starts = starts[starts < count]
    group = np.searchsorted(starts, np.arange(count), side="right") - 1
    middle = np.minimum(starts + sizes[: len(starts)] // 2, count - 1)
    centre_redshift = redshift[order][middle]
    wall = np.arange(len(starts)) // GROUPS_PER_WALL
    walls = rng.uniform(0.0, side_deg, (wall[-1] + 1, 2))
    in_wall = rng.random(len(starts)) < 0.75
    wall_spread = angular_size_deg(np.full(len(starts), WALL_RADIUS_MPC), centre_redshift)
    spread = wall_spread[:, None] * rng.standard_normal((len(starts), 2))
    centres = np.where(
        in_wall[:, None], walls[wall] + spread, rng.uniform(0.0, side_deg, spread.shape)
    )
    members = redshift[order]
    near = np.abs(members - centre_redshift[group]) < _COHERENCE * (1.0 + members)
    affinity = 0.95 - 0.08 * family[order]
    grouped = (members > 0.0) & near & (sizes[group] > 1) & (rng.random(count) < affinity)
    radius_mpc = GROUP_RADIUS_MPC * np.cbrt(sizes[group]) * np.sqrt(rng.exponential(1.0, count))
    offset = angular_size_deg(radius_mpc, members)[:, None] * rng.standard_normal((count, 2))
    plane = np.where(
        grouped[:, None], centres[group] + offset, rng.uniform(0.0, side_deg, (count, 2))
    )
    motion = rng.normal(0.0, VELOCITY_DISPERSION_KM_S / _LIGHT_SPEED_KM_S, count)
    moved = centre_redshift[group] + motion * (1.0 + members)
    settled = np.where(grouped, np.maximum(moved, 0.001), members)
    back = np.empty(count, dtype=np.intp)
    back[order] = np.arange(count)
    plane = np.mod(plane, side_deg)[back]
    return Placement(plane[:, 0], plane[:, 1], settled[back], grouped[back])


def sky_position(
    field: Field, x_deg: FloatArray, y_deg: FloatArray, side_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Return RA in [0, 360) and Dec in degrees of offsets in a field's tangent plane."""
    xi = np.radians(x_deg - 0.5 * side_deg)
    eta = np.radians(y_deg - 0.5 * side_deg)
    dec0 = np.radians(field.dec_deg)
    denominator = np.cos(dec0) - eta * np.sin(dec0)
    ra = field.ra_deg + np.degrees(np.arctan2(xi, denominator))
    dec = np.arctan2(np.sin(dec0) + eta * np.cos(dec0), np.hypot(xi, denominator))
    return wrapped_ra(ra), np.degrees(dec)


def wrapped_ra(ra_deg: FloatArray) -> FloatArray:
    """Return right ascensions in [0, 360), also where rounding gives 360 itself."""
    ra = np.mod(ra_deg, 360.0)
    return np.where(ra >= 360.0, 0.0, ra)


def object_identifiers(
    field: Field, x_deg: FloatArray, y_deg: FloatArray, side_deg: float
) -> IntArray:
    """Return unique 64-bit identifiers built from tract, patch and a running number.

    Neighbouring numbers differ by one, so an identifier that goes through a double comes
    back changed.
    """
    scale = PATCHES_PER_SIDE / side_deg
    column = np.minimum((x_deg * scale).astype(np.int64), PATCHES_PER_SIDE - 1)
    row = np.minimum((y_deg * scale).astype(np.int64), PATCHES_PER_SIDE - 1)
    patch = row * PATCHES_PER_SIDE + column
    order = np.argsort(patch, kind="stable")
    sorted_patch = patch[order]
    first = np.searchsorted(sorted_patch, sorted_patch, side="left")
    number = np.empty(len(patch), dtype=np.int64)
    number[order] = np.arange(len(patch)) - first + 1
    return (np.int64(field.tract) << TRACT_SHIFT) + (patch << PATCH_SHIFT) + number


def dust_map(
    field: Field, x_deg: FloatArray, y_deg: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return E(B-V) with cirrus-like waves of some arcminutes around the field's mean."""
    waves = np.zeros(len(x_deg))
    for length_deg in (0.8, 0.4, 0.2, 0.1):
        angle, phase = rng.uniform(0.0, 2.0 * np.pi, 2)
        along = x_deg * np.cos(angle) + y_deg * np.sin(angle)
        waves += 0.12 * np.sqrt(length_deg) * np.sin(2.0 * np.pi * along / length_deg + phase)
    return np.asarray(field.reddening * np.exp(waves))


def last_visits(count: int, rng: np.random.Generator) -> npt.NDArray[np.datetime64]:
    """Return when each of `count` objects of one field was last observed, in microseconds.

    Most objects are on the last visits; chip gaps and offsets leave some to earlier ones.
    """
    night = np.sort(rng.choice(250, VISITS_PER_FIELD, replace=True))
    second = rng.uniform(0.5, 9.5, VISITS_PER_FIELD) * 3600.0
    microsecond = ((night * 86_400.0 + second) * 1e6).astype(np.int64)
    times = np.sort(FIRST_VISIT + microsecond.astype("timedelta64[us]"))
    missed = np.minimum(rng.geometric(0.55, count), VISITS_PER_FIELD)
    return np.asarray(times[-missed])
