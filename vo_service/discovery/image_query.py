"""Parameters of image search (SIA 2.0), and the query over `ivoa.ObsCore` that they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from registry.obscore import OBSCORE_NAME
from vo_service.dali.errors import InvalidParameter
from vo_service.dali.numbers import read_number
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits, parse_maxrec, parse_responseformat

__all__ = ["ImageRequest"]

_VALUES_MAX = 50
"""Values of one parameter; each is a condition."""

_POS_FORM = (
    "give CIRCLE ra dec radius, RANGE ra1 ra2 dec1 dec2, or POLYGON ra1 dec1 ra2 dec2 ra3 dec3"
)

_INTERVALS = {
    "BAND": ("em_min", "em_max", "wavelengths in m"),
    "TIME": ("t_min", "t_max", "moments in MJD"),
    "FOV": ("s_fov", "s_fov", "sizes in degrees"),
    "SPATRES": ("s_resolution", "s_resolution", "resolutions in arcsec"),
    "SPECRP": ("em_res_power", "em_res_power", "resolving powers"),
    "EXPTIME": ("t_exptime", "t_exptime", "exposures in s"),
    "TIMERES": ("t_resolution", "t_resolution", "resolutions in s"),
}
"""Columns whose span must overlap the interval of a parameter (SIA 2.0, section 2.1)."""

_WORDS = {
    "COLLECTION": "obs_collection",
    "FACILITY": "facility_name",
    "INSTRUMENT": "instrument_name",
    "DPTYPE": "dataproduct_type",
    "TARGET": "target_name",
    "FORMAT": "access_format",
}
"""Columns that must be equal to one of the values of a parameter."""

_POLARISATIONS = frozenset(
    ("I", "Q", "U", "V", "RR", "LL", "RL", "LR", "XX", "YY", "XY", "YX", "POLI", "POLA")
)

_IMAGES = "dataproduct_type IN ('image', 'cube')"


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """An image search.

    Attributes
    ----------
    query
        ADQL.
    maxrec
        Rows at most.
    responseformat
        As it was given, none for the service's own choice.
    """

    query: str
    maxrec: int
    responseformat: str | None

    @classmethod
    def parse(cls, parameters: Parameters, limits: RequestLimits) -> ImageRequest:
        """Read and check the parameters.

        Raises
        ------
        InvalidParameter
            If a value cannot be used.

        Notes
        -----
        SIA 2.0, section 2.1: one of the values of each parameter must fit, and all parameters.
        What is not known is ignored.
        """
        wanted = [] if "DPTYPE" in parameters else [_IMAGES]
        for name, condition in _CONDITIONS.items():
            found = [condition(name, value) for value in _values(parameters, name)]
            if found:
                wanted.append(f"({' OR '.join(found)})")
        where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
        return cls(
            f"SELECT * FROM {OBSCORE_NAME}{where}",  # noqa: S608 - ADQL of checked values
            parse_maxrec(parameters, limits),
            # FORMAT, its older name elsewhere, is that of the images here.
            parse_responseformat(Parameters({"RESPONSEFORMAT": parameters.all("RESPONSEFORMAT")})),
        )


def _values(parameters: Parameters, name: str) -> Iterator[str]:
    given = dict.fromkeys(parameters.all(name))
    if len(given) > _VALUES_MAX:
        raise InvalidParameter(name, f"{len(given)} values", f"give {_VALUES_MAX} at most")
    yield from given


def _position(name: str, text: str) -> str:
    words = text.split()
    shape, numbers = words[0].upper(), [_bound(word) for word in words[1:]]
    given = [number for number in numbers if number is not None]
    if len(given) == len(numbers):
        if shape == "RANGE" and len(given) == 4:
            return _range(name, text, given)
        if all(map(math.isfinite, given)):
            if shape == "CIRCLE" and len(given) == 3:
                return _circle(name, text, given)
            if shape == "POLYGON" and len(given) >= 6 and len(given) % 2 == 0:
                return _polygon(name, text, given)
    raise InvalidParameter(name, text, _POS_FORM)


def _circle(name: str, text: str, numbers: list[float]) -> str:
    ra, dec, radius = numbers
    if not (0 <= ra <= 360 and -90 <= dec <= 90 and 0 <= radius <= 180):
        raise InvalidParameter(name, text, "ra is 0 to 360, dec -90 to 90, the radius 0 to 180")
    return f"1 = INTERSECTS(CIRCLE({ra!r}, {dec!r}, {radius!r}), s_region)"


def _polygon(name: str, text: str, numbers: list[float]) -> str:
    if not all(0 <= ra <= 360 for ra in numbers[::2]) or not all(
        -90 <= dec <= 90 for dec in numbers[1::2]
    ):
        raise InvalidParameter(name, text, "ra is 0 to 360, dec -90 to 90")
    return f"1 = INTERSECTS(POLYGON({', '.join(map(repr, numbers))}), s_region)"


def _range(name: str, text: str, numbers: list[float]) -> str:
    """Tell whether the circle of an observation reaches into a range of coordinates.

    Notes
    -----
    Beside the range the nearest point lies on one of its meridians: at an end, or where a great
    circle through the centre meets the meridian at right angles.
    """
    west, east = (min(max(number, 0.0), 360.0) for number in numbers[:2])
    south, north = (min(max(number, -90.0), 90.0) for number in numbers[2:])
    clipped = [west, east, south, north]
    wrong = any(a != b for a, b in zip(numbers, clipped, strict=True) if math.isfinite(a))
    if wrong or west > east or south > north or numbers[0] == math.inf or numbers[2] == math.inf:
        raise InvalidParameter(name, text, "ra is 0 to 360, dec -90 to 90, the smaller first")
    radius = "s_fov / 2"
    within = (
        f"(s_ra BETWEEN {west!r} AND {east!r} AND s_dec + {radius} >= {south!r} "
        f"AND s_dec - {radius} <= {north!r})"
    )
    return f"({' OR '.join([within, *_edges(west, east, south, north)])})"


def _edges(west: float, east: float, south: float, north: float) -> Iterator[str]:
    for ra in (west, east):
        for dec in (south, north):
            yield f"DISTANCE(POINT(s_ra, s_dec), POINT({ra % 360!r}, {dec!r})) <= s_fov / 2"
        offset = f"RADIANS(s_ra - {ra!r})"
        across = f"COS(RADIANS(s_dec)) * SIN({offset})"
        along = f"COS(RADIANS(s_dec)) * COS({offset})"
        foot = f"DEGREES(ATAN2(SIN(RADIANS(s_dec)), {along}))"
        yield (
            f"(COS({offset}) > 0 AND {foot} BETWEEN {south!r} AND {north!r} "
            f"AND (s_fov >= 180 OR ABS({across}) <= SIN(RADIANS(s_fov / 2))))"
        )


def _interval(name: str, text: str) -> str:
    least, most, what = _INTERVALS[name]
    bounds = [_bound(word) for word in text.split()]
    low, high = bounds[0], bounds[-1]
    if len(bounds) > 2 or low is None or high is None or not low <= high or low == math.inf:
        raise InvalidParameter(
            name, text, f"give one or two {what}, the smaller first; -Inf and +Inf are open ends"
        )
    wanted = [f"{least} IS NOT NULL"]
    if math.isfinite(high):
        wanted.append(f"{least} <= {high!r}")
    if math.isfinite(low):
        wanted.append(f"{most} >= {low!r}")
    return f"({' AND '.join(wanted)})"


def _bound(word: str) -> float | None:
    if word.lower().lstrip("+-") in ("inf", "infinity"):
        return -math.inf if word.startswith("-") else math.inf
    return read_number(word)


def _word(name: str, text: str) -> str:
    return f"{_WORDS[name]} = {_literal(text)}"


def _identifier(_name: str, text: str) -> str:
    return f"LOWER(obs_publisher_did) = {_literal(text.strip().lower())}"


def _polarisation(name: str, text: str) -> str:
    if text not in _POLARISATIONS:
        raise InvalidParameter(name, text, f"give one of {', '.join(sorted(_POLARISATIONS))}")
    return f"pol_states LIKE '%/{text}/%'"


def _calibration(name: str, text: str) -> str:
    if text.strip() not in ("0", "1", "2", "3", "4"):
        raise InvalidParameter(name, text, "give a level from 0 to 4")
    return f"calib_level = {text.strip()}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_CONDITIONS: dict[str, Callable[[str, str], str]] = {
    "POS": _position,
    **dict.fromkeys(_INTERVALS, _interval),
    "POL": _polarisation,
    "ID": _identifier,
    "CALIB": _calibration,
    **dict.fromkeys(_WORDS, _word),
}
